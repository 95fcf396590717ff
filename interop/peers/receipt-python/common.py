"""What every part needs: a failure with a code of specs/errors.md, strict JSON, its canonical form, strict base64."""
import base64, math, re

TEXT_MAX, TEXT_DEPTH = 16 * 2 ** 20, 32
SAFE = 2 ** 53 - 1


class Refused(Exception):
    """Input that a page refuses. `code` is one of specs/errors.md; `where` is what the vectors name: a parameter or a line."""

    def __init__(self, code, message, where=None):
        super().__init__(f'{code}: {message}')
        self.code, self.where = code, where


def utf16_length(text): return len(text.encode('utf-16-le')) // 2


def decode_base64(text, code):
    """RFC 4648 §4, with padding, and no other spelling of the same bytes."""
    try:
        data = base64.b64decode(text.encode('ascii'), validate=True)
    except ValueError:
        raise Refused(code, 'not base64')
    if base64.b64encode(data).decode('ascii') != text: raise Refused(code, 'another spelling of base64')
    return data


def decode_utf8(data, code='JSON_UNICODE'):
    try:
        return data.decode('utf-8')
    except UnicodeDecodeError as error:
        raise Refused(code, str(error))


NUMBER = re.compile(r'-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?')
PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
SPACE = re.compile(r'[ \t\n\r]*')
ESCAPES = {'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}
WORDS = (('true', True), ('false', False), ('null', None))


class Reader:
    """specs/receipt.md, Conventions. Numbers are floats, or ints where they are integers."""

    def __init__(self, text, depth_max):
        self.text, self.at, self.depth_max = text, 0, depth_max

    def space(self): self.at = SPACE.match(self.text, self.at).end()

    def take(self, token):
        if not self.text.startswith(token, self.at): return False
        self.at += len(token)
        return True

    def fail(self, code='JSON_SYNTAX'): raise Refused(code, f'at {self.at}')

    def document(self):
        value = self.value(1)
        if self.at != len(self.text): self.fail()
        return value

    def value(self, depth):
        self.space()
        first = self.text[self.at:self.at + 1]
        if first in ('{', '['):
            if depth > self.depth_max: self.fail('JSON_DEPTH')
            self.at += 1
            result = self.members(depth) if first == '{' else self.items(depth)
        elif first == '"':
            result = self.string()
        else:
            result = self.scalar()
        self.space()
        return result

    def scalar(self):
        for word, value in WORDS:
            if self.take(word): return value
        match = NUMBER.match(self.text, self.at)
        if match is None: self.fail()
        number = float(match.group())
        if not math.isfinite(number) or number.is_integer() and abs(number) > SAFE: self.fail('JSON_NUMBER')
        self.at = match.end()
        return int(number) if number.is_integer() else number

    def items(self, depth):
        result = []
        self.space()
        if self.take(']'): return result
        while True:
            result.append(self.value(depth + 1))
            if self.take(']'): return result
            if not self.take(','): self.fail()

    def members(self, depth):
        result = {}
        self.space()
        if self.take('}'): return result
        while True:
            self.space()
            name = self.string()
            if name in result: self.fail('JSON_DUPLICATE_NAME')
            self.space()
            if not self.take(':'): self.fail()
            result[name] = self.value(depth + 1)
            if self.take('}'): return result
            if not self.take(','): self.fail()

    def string(self):
        if not self.take('"'): self.fail()
        units = []
        while True:
            match = PLAIN.match(self.text, self.at)
            units.append(match.group())
            self.at = match.end()
            if self.take('"'): break
            if not self.take('\\'): self.fail()
            units.append(self.escape())
        # Pairs of escaped surrogates become one character; one that stays alone cannot be encoded.
        try:
            return ''.join(units).encode('utf-16-le', 'surrogatepass').decode('utf-16-le')
        except UnicodeDecodeError:
            self.fail('JSON_UNICODE')

    def escape(self):
        letter = self.text[self.at:self.at + 1]
        self.at += 1
        if letter in ESCAPES and letter != '': return ESCAPES[letter]
        digits = self.text[self.at:self.at + 4]
        if letter != 'u' or re.fullmatch('[0-9a-fA-F]{4}', digits) is None: self.fail()
        self.at += 4
        return chr(int(digits, 16))


def parse_json(data, size_max=TEXT_MAX, depth_max=TEXT_DEPTH):
    if len(data) > size_max: raise Refused('JSON_SIZE', f'{len(data)} bytes')
    text = decode_utf8(data)
    if text.startswith('\ufeff'): raise Refused('JSON_UNICODE', 'byte order mark')
    return Reader(text, depth_max).document()


def canonical_number(value):
    """ECMAScript's Number::toString, which RFC 8785 §3.2.2.3 asks for."""
    if isinstance(value, int): value = float(value)
    if value == 0: return '0'
    sign, digits = ('-' if value < 0 else ''), repr(abs(value))
    mantissa, _, exponent = digits.partition('e')
    whole, _, fraction = mantissa.partition('.')
    if fraction == '0': fraction = ''
    point = len(whole) + int(exponent or 0)
    digits = (whole + fraction).lstrip('0')
    point -= len(whole + fraction) - len(digits)
    digits = digits.rstrip('0')
    count = len(digits)
    if count <= point <= 21: body = digits + '0' * (point - count)
    elif 0 < point <= 21: body = digits[:point] + '.' + digits[point:]
    elif -6 < point <= 0: body = '0.' + '0' * -point + digits
    else: body = digits[0] + ('.' + digits[1:] if count > 1 else '') + f'e{point - 1:+d}'
    return sign + body


ESCAPED = {'"': '\\"', '\\': '\\\\', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t'}


def canonical_string(text):
    return '"' + re.sub(r'["\\\x00-\x1f]', lambda c: ESCAPED.get(c.group(), f'\\u{ord(c.group()):04x}'), text) + '"'


def canonical(value):
    """RFC 8785, as text."""
    if value is None: return 'null'
    if value is True: return 'true'
    if value is False: return 'false'
    if isinstance(value, str): return canonical_string(value)
    if isinstance(value, (int, float)): return canonical_number(value)
    if isinstance(value, list): return '[' + ','.join(map(canonical, value)) + ']'
    names = sorted(value, key=lambda name: name.encode('utf-16-be'))
    return '{' + ','.join(f'{canonical_string(name)}:{canonical(value[name])}' for name in names) + '}'


def is_number(value): return isinstance(value, (int, float)) and not isinstance(value, bool)
def is_integer(value): return isinstance(value, int) and not isinstance(value, bool)

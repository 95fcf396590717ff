"""specs/receipt.md, Responses and Transport: the one text, finish reason and usage of a response, streamed or not."""
import re
from common import TEXT_MAX, Refused, decode_utf8, is_integer, parse_json, utf16_length

TEXT_UNITS_MAX, EVENT_MAX = 16 * 2 ** 20, 32 * 2 ** 20 + 64 * 2 ** 10


def refuse(why): raise Refused('RESPONSE_SYNTAX', why)


def only(value, allowed):
    if not isinstance(value, dict): refuse('not an object')
    for name, item in value.items():
        if name not in allowed and item is not None and item != []: refuse(f'{name} beside the text')


class Reading:
    """What was read so far. A chunk of a stream and a whole response differ in the name of the message only."""

    def __init__(self, operation, holder):
        self.operation, self.holder = operation, holder
        self.text, self.reason, self.usages, self.sealed = [], None, [], False

    def choice(self, choice):
        inner = 'text' if self.operation == 'text.completion' else self.holder
        only(choice, ('index', 'finish_reason', 'logprobs', inner))
        if self.reason is not None: refuse('a choice after the finish reason')
        if {'message': 'delta', 'delta': 'message'}[self.holder] in choice: refuse(f'not a {self.holder}')
        if choice.get('index') != 0 or isinstance(choice.get('index'), bool): refuse('index')
        if self.operation == 'text.completion':
            text = choice.get('text')
        else:
            message = choice.get(inner)
            only(message, ('role', 'content'))
            if message.get('role') not in (None, 'assistant'): refuse('role')
            text = message.get('content')
        if not isinstance(text, (str, type(None))): refuse('text')
        self.text.append(text or '')
        self.finish(choice.get('finish_reason'))

    def finish(self, reason):
        if reason is None: return
        if not isinstance(reason, str): refuse('finish reason')
        self.reason = reason

    def usage(self, value):
        if value.get('usage') is None: return
        if not isinstance(value['usage'], dict): refuse('usage')
        counts = [value['usage'].get(name) for name in ('prompt_tokens', 'completion_tokens')]
        if not all(map(is_integer, counts)) or value['usage'].get('total_tokens', sum(counts)) != sum(counts): refuse('usage')
        self.usages.append(value['usage'])

    def receipt(self, chunk):
        if chunk.get('runproof') is None: return
        if not isinstance(chunk['runproof'], dict) or not isinstance(chunk['runproof'].get('receipt'), dict): refuse('receipt')
        self.sealed = True

    def result(self):
        text = ''.join(self.text)
        if self.reason is None: refuse('no finish reason')
        if utf16_length(text) > TEXT_UNITS_MAX: refuse('text too long')
        return text, self.reason, self.usages


def object_of(data, size_max=TEXT_MAX):
    try:
        value = parse_json(data, size_max)
    except Refused as error:
        refuse(str(error))
    if not isinstance(value, dict): refuse('not an object')
    return value


def read_plain(data, operation):
    value = object_of(data)
    if value.get('error') is not None: refuse('error')
    choices = value.get('choices')
    if not isinstance(choices, list) or len(choices) != 1: refuse('one choice')
    reading = Reading(operation, 'message')
    reading.choice(choices[0])
    reading.usage(value)
    return reading.result()


FIELDS = ('event', 'id', 'retry')


def events(text):
    """The data of the events of a stream (WHATWG HTML §9.2.6); one that is not ended by a blank line is cut."""
    lines = re.split('\r\n|\n|\r', text)
    data = None
    for line in lines[:-1]:
        name, _, value = line.partition(':')
        if line == '':
            if data is not None: yield data
            data = None
        elif name == 'data':
            item = value[1:] if value.startswith(' ') else value
            data = item if data is None else data + '\n' + item
        elif name != '' and name not in FIELDS:
            refuse('a line of another kind')
    if data is not None or lines[-1] != '': refuse('cut')


def read_stream(data, operation):
    reading, ended = Reading(operation, 'delta'), False
    for item in events(decode_utf8(data, 'RESPONSE_SYNTAX')):
        if ended: refuse('data after the end')
        if item == '[DONE]':
            ended = True
            continue
        chunk = object_of(item.encode(), EVENT_MAX)
        if chunk.get('error') is not None:
            if reading.reason != 'error' or not isinstance(chunk['error'], dict): refuse('error in the stream')
            ended = True
            continue
        if reading.sealed: refuse('a chunk after the receipt')
        choices = chunk.get('choices')
        if not isinstance(choices, list) or len(choices) > 1: refuse('one choice')
        if choices: reading.choice(choices[0])
        reading.usage(chunk)
        reading.receipt(chunk)
    if not ended: refuse('cut before its end')
    return reading.result()


def read_response(data, operation):
    """Text, finish reason, and every usage that the response shows. A response that begins with `{` is a plain one."""
    plain = re.match(rb'[ \t\r\n]*\{', data) is not None
    return read_plain(data, operation) if plain else read_stream(data, operation)

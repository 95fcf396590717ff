"""specs/receipt.md: body, commitments, leaf, bundle. Each field is checked by a predicate; a field more or less is refused."""
import hashlib, hmac, re, struct
from common import SAFE, Refused, canonical, decode_base64, is_integer, is_number, parse_json, utf16_length
import tlog

BUNDLE_MAX, BUNDLE_DEPTH, IDS_MAX, PROOF_MAX = 32 * 2 ** 20, 6, 2 ** 20, 65536
NO_TRACE = '0' * 64


def sha256(data): return hashlib.sha256(data).digest()


def pattern(text): return lambda value: isinstance(value, str) and re.fullmatch(text, value, re.ASCII) is not None
def one_of(*values): return lambda value: isinstance(value, str) and value in values
def natural(value): return is_integer(value) and 0 <= value <= SAFE
def token_id(value): return is_integer(value) and 0 <= value < 2 ** 32
def within(low, high): return lambda value: is_number(value) and low <= value <= high
def list_of(check, most): return lambda value: isinstance(value, list) and len(value) <= most and all(map(check, value))


def map_of(name_check, check, most):
    def holds(value):
        return isinstance(value, dict) and len(value) <= most and all(name_check(k) and check(v) for k, v in value.items())
    return holds


def fields(**checks):
    def holds(value):
        return isinstance(value, dict) and value.keys() == checks.keys() and all(
            check(value[name]) for name, check in checks.items())
    return holds


def bias_name(name): return re.fullmatch('0|[1-9][0-9]{0,9}', name) is not None and int(name) < 2 ** 32
def stop_string(value): return isinstance(value, str) and 1 <= utf16_length(value) <= 1024


hex32 = pattern('[0-9a-f]{64}')
digest = pattern('sha256:[0-9a-f]{64}')
contract_id = pattern('[a-z0-9][a-z0-9.-]{0,63}')
model_name = pattern('[A-Za-z0-9._:/-]{1,128}')
log_origin = pattern('[!-*,-~]{1,255}')
nonce_hex = pattern('(?:[0-9a-f]{2}){16,64}')

SAMPLING = {
    'frequency_penalty': within(-2, 2),
    'logit_bias': map_of(bias_name, within(-100, 100), 1024),
    'max_tokens': lambda value: natural(value) and value >= 1,
    'min_p': lambda value: is_number(value) and 0 <= value < 1,
    'presence_penalty': within(-2, 2),
    'repetition_penalty': lambda value: is_number(value) and 0 < value <= 10,
    'seed': hex32,
    'stop': list_of(stop_string, 4),
    'temperature': within(0, 2),
    'top_k': natural,
    'top_p': lambda value: is_number(value) and 0 < value <= 1,
}

BODY = {
    'ended_ms': natural,
    'engine': fields(build=digest, contract=contract_id),
    'evidence': map_of(contract_id, digest, 16),
    'finish_reason': one_of('stop', 'length', 'abort', 'error'),
    'levels': lambda value: value in (['sealed'], ['sealed', 'replayed']),
    'model': fields(digest=digest, name=model_name),
    'nonce': nonce_hex,
    'operation': one_of('chat.completion', 'text.completion'),
    'origin': log_origin,
    'output': hex32,
    'prompt': hex32,
    'request': hex32,
    'sampling': fields(**SAMPLING),
    'schema': one_of('runproof/receipt/1'),
    'segments': list_of(fields(node=log_origin, tokens=natural), 64),
    'started_ms': natural,
    'tokens': hex32,
    'trace': hex32,
    'usage': fields(completion_tokens=natural, prompt_tokens=natural),
}

DISCLOSURE = {
    'completion': list_of(token_id, IDS_MAX),
    'prompt': list_of(token_id, IDS_MAX),
    'trace': lambda value: isinstance(value, str),
}

BUNDLE = {
    'body': lambda value: isinstance(value, dict),
    'disclosure': lambda value: value is None or fields(**DISCLOSURE)(value),
    'proof': lambda value: isinstance(value, str) and utf16_length(value) <= PROOF_MAX,
    'salt': hex32,
    'schema': one_of('runproof/bundle/1'),
}


def require(value, checks, where):
    if not isinstance(value, dict) or value.keys() != checks.keys(): raise Refused('RECEIPT_SYNTAX', f'fields of {where}')
    for name, check in checks.items():
        if not check(value[name]): raise Refused('RECEIPT_SYNTAX', f'{where}.{name}', name)


def check_body(body):
    require(body, BODY, 'body')
    if body['ended_ms'] < body['started_ms']: raise Refused('RECEIPT_SYNTAX', 'body.ended_ms', 'ended_ms')


def parse_body(data):
    body = parse_json(data)
    if canonical(body).encode() != data: raise Refused('JSON_NOT_CANONICAL', 'body')
    check_body(body)
    return body


def parse_bundle(data):
    """The bundle as a value, and its proof."""
    bundle = parse_json(data, BUNDLE_MAX, BUNDLE_DEPTH)
    if canonical(bundle).encode() != data: raise Refused('JSON_NOT_CANONICAL', 'bundle')
    require(bundle, BUNDLE, 'bundle')
    check_body(bundle['body'])
    if bundle['disclosure'] is not None and len(decode_base64(bundle['disclosure']['trace'], 'RECEIPT_SYNTAX')) % 8 != 0:
        raise Refused('RECEIPT_SYNTAX', 'disclosure.trace')
    proof = tlog.parse_proof(bundle['proof'])
    if proof.extra is not None: raise Refused('PROOF_SYNTAX', 'extra line')
    return bundle, proof


def commitment_key(salt, field):
    """HKDF-SHA256 (RFC 5869) with an empty salt and one block of output."""
    secret = hmac.digest(bytes(32), salt, 'sha256')
    return hmac.digest(secret, b'runproof/commit/1/' + field.encode() + b'\x01', 'sha256')


def commit(salt, field, data): return hmac.digest(commitment_key(salt, field), data, 'sha256').hex()
def encode_ids(ids): return struct.pack(f'<{len(ids)}I', *ids)
def encode_output(text, reason): return canonical({'content': text, 'finish_reason': reason}).encode()


def log_entry(body, salt):
    return b'\x01' + sha256(b'runproof/receipt/1\x00' + salt + sha256(canonical(body).encode()))

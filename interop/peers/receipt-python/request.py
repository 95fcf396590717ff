"""specs/receipt.md, Sampling and Requests: what a request asks for, and the parameters that follow from it."""
import hashlib
from common import SAFE, Refused, canonical, is_integer, parse_json
from receipt import SAMPLING, token_id

DEFAULTS = {
    'frequency_penalty': 0, 'logit_bias': {}, 'min_p': 0, 'presence_penalty': 0, 'repetition_penalty': 1, 'stop': [],
    'temperature': 1, 'top_k': 0, 'top_p': 1,
}
TOLD = {*DEFAULTS, 'max_completion_tokens', 'max_tokens', 'seed', 'model'}
PROMPT_FIELD = {'chat.completion': 'messages', 'text.completion': 'prompt'}
BESIDE = {
    'logprobs', 'metadata', 'parallel_tool_calls', 'prompt_cache_key', 'safety_identifier', 'service_tier', 'store', 'stream',
    'stream_options', 'top_logprobs', 'user',
}
NOTHING = {
    'best_of': [1], 'echo': [False], 'function_call': ['auto', 'none'], 'functions': [[]], 'modalities': [['text']], 'n': [1],
    'reasoning_effort': ['none'], 'response_format': [{'type': 'text'}], 'suffix': [''], 'tool_choice': ['auto', 'none'], 'tools': [[]],
}


def invalid(name): return Refused('PARAMETER_INVALID', name, name)
def unsupported(name): return Refused('PARAMETER_UNSUPPORTED', name, name)


def parse_request(data):
    request = parse_json(data)
    if not isinstance(request, dict): raise Refused('JSON_SYNTAX', 'a request is an object')
    return {name: value for name, value in request.items() if value is not None}


def check_fields(request, operation):
    for name, value in request.items():
        if name in TOLD or name in BESIDE or name == PROMPT_FIELD[operation]: continue
        if name not in NOTHING or canonical(value) not in map(canonical, NOTHING[name]): raise unsupported(name)


def read_content(content):
    if isinstance(content, str): return content
    if not isinstance(content, list) or not content: raise invalid('messages')
    texts = []
    for part in content:
        if not isinstance(part, dict): raise invalid('messages')
        if part.get('type') != 'text' or not part.keys() <= {'type', 'text'}: raise unsupported('messages')
        if not isinstance(part.get('text'), str): raise invalid('messages')
        texts.append(part['text'])
    return ''.join(texts)


def read_messages(messages):
    if not isinstance(messages, list) or not messages: raise invalid('messages')
    result = []
    for message in messages:
        if not isinstance(message, dict): raise invalid('messages')
        role = message.get('role')
        if role not in ('developer', 'system', 'user', 'assistant'): raise unsupported('messages')
        if any(name not in ('role', 'content') and value not in (None, []) for name, value in message.items()):
            raise unsupported('messages')
        result.append({'role': 'system' if role == 'developer' else role, 'content': read_content(message.get('content'))})
    return {'kind': 'chat', 'messages': result}


def read_prompt(request, operation):
    if operation == 'chat.completion': return read_messages(request.get('messages'))
    prompt = request.get('prompt')
    if isinstance(prompt, list) and len(prompt) == 1 and isinstance(prompt[0], (str, list)): prompt = prompt[0]
    elif isinstance(prompt, list) and any(isinstance(item, (str, list)) for item in prompt): raise unsupported('prompt')
    if isinstance(prompt, str): return {'kind': 'text', 'text': prompt}
    if not isinstance(prompt, list) or not prompt or not all(map(token_id, prompt)): raise invalid('prompt')
    return {'kind': 'tokens', 'ids': prompt}


def effective(request):
    """What the request sets, or its default. `max_tokens` is None where nothing is set; the seed is apart."""
    result = {}
    for name, default in DEFAULTS.items():
        value = request.get(name, default)
        if name == 'stop' and isinstance(value, str): value = [value]
        if not SAMPLING[name](value): raise invalid(name)
        result[name] = value
    for name in ('max_tokens', 'max_completion_tokens'):
        if name in request and not SAMPLING['max_tokens'](request[name]): raise invalid(name)
    result['max_tokens'] = request.get('max_completion_tokens', request.get('max_tokens'))
    return result


def sampling_seed(request, data, nonce):
    """specs/exact-1.md §7.2."""
    seed = request.get('seed')
    if seed is None:
        return hashlib.sha256(b'runproof/seed/1\x00' + hashlib.sha256(data).digest() + nonce).hexdigest()
    if not is_integer(seed) or abs(seed) > SAFE: raise invalid('seed')
    return hashlib.sha256(b'runproof/seed/fixed/1\x00' + seed.to_bytes(8, 'little', signed=True)).hexdigest()


def check_parameters(data, body, models):
    """specs/verify-report.md, rule 1. `models` are the (digest, name) of the policy."""
    request, operation = parse_request(data), body['operation']
    check_fields(request, operation)
    read_prompt(request, operation)
    sampling_seed(request, data, b'')
    model = request.get('model')
    if model is not None:
        accepted = [digest for digest, name in models if name == model]
        if model not in (body['model']['name'], body['model']['digest']) or accepted and body['model']['digest'] not in accepted:
            raise Refused('PARAMETER_MISMATCH', 'model', 'model')
    wanted, used = effective(request), body['sampling']
    if wanted['max_tokens'] is not None and used['max_tokens'] > wanted['max_tokens']:
        raise Refused('PARAMETER_MISMATCH', 'max_tokens', 'max_tokens')
    for name in DEFAULTS:
        if canonical(wanted[name]) != canonical(used[name]): raise Refused('PARAMETER_MISMATCH', name, name)

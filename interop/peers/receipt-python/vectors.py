"""Runs the second verifier over vectors/ and says, case by case, whether both agree.

Usage: python3 vectors.py VECTORS_DIRECTORY FAMILY...   (json, receipt, request, bundle, tlog)
Prints one line of JSON per family: {"family", "valid", "invalid", "differ": [texts]}.
"""
import base64, json, re, sys
from pathlib import Path
from common import Refused, canonical, parse_json
from policy import parse_policy, quorum_met
from request import check_fields, effective, parse_request, read_prompt, sampling_seed
import receipt, tlog, verify


def b64(text): return base64.b64decode(text)


def require(fact, code):
    if not fact: raise Refused(code, 'does not hold')


# One judge per file name: it returns what a valid case says, or raises Refused.
def json_parse(case):
    data = case['text'].encode() if 'text' in case else b64(case['base64'])
    return {'canonical': canonical(parse_json(data))}


def json_canonical(case):
    data = case['text'].encode()
    require(canonical(parse_json(data)).encode() == data, 'JSON_NOT_CANONICAL')
    return {}


def receipt_body(case):
    body = receipt.parse_body(case['body'].encode())
    if 'salt' not in case: return {}
    entry = receipt.log_entry(body, bytes.fromhex(case['salt']))
    return {'entry': entry.hex(), 'id': tlog.leaf_hash(entry).hex()}


def receipt_commitments(case):
    salt, data = bytes.fromhex(case['salt']), bytes.fromhex(case['data'])
    return {'key': receipt.commitment_key(salt, case['field']).hex(), 'commitment': receipt.commit(salt, case['field'], data)}


def request_effective(case):
    data = case['request'].encode()
    request = parse_request(data)
    check_fields(request, case['operation'])
    prompt = read_prompt(request, case['operation'])
    sampling = effective(request)
    sampling['max_tokens'] = min(sampling['max_tokens'] or case['max_tokens_available'], case['max_tokens_available'])
    sampling['seed'] = sampling_seed(request, data, bytes.fromhex(case['nonce']))
    return {'prompt': prompt, 'sampling': sampling}


def bundle(case):
    report = verify.answer(case)
    return {'report': {name: report.get(name) for name in case['report']}}


def tlog_verifier_key(case):
    key = tlog.parse_vkey(case['vkey'])
    return {'name': key.name, 'type': key.type, 'keyId': key.id.hex()}


def tlog_signed_note(case):
    note = tlog.parse_note(case['note'])
    return {'signers': [key.name for key in tlog.signers(note, list(map(tlog.parse_vkey, case['vkeys'])))]}


def tlog_cosignature(case):
    note, key = tlog.parse_note(case['note']), tlog.parse_vkey(case['vkey'])
    require(key.type == tlog.WITNESS_KEY, 'SIGNATURE_INVALID')
    tlog.signers(note, [key])
    signature = next(item for name, key_id, item in note.signatures if (name, key_id) == (key.name, key.id))
    return {'time': int.from_bytes(signature[:8], 'big')}


def tlog_checkpoint(case):
    checkpoint = tlog.parse_checkpoint(case['text'])._asdict()
    return {**checkpoint, 'root': base64.b64encode(checkpoint['root']).decode()}


def is_size(value): return isinstance(value, int)


def tlog_inclusion(case):
    require(is_size(case['index']) and is_size(case['size']), 'PROOF_INVALID')
    proof = list(map(b64, case['proof']))
    require(tlog.included(case['index'], case['size'], b64(case['leafHash']), proof, b64(case['root'])), 'PROOF_INVALID')
    return {}


def tlog_consistency(case):
    roots, proof = (b64(case['root1']), b64(case['root2'])), list(map(b64, case['proof']))
    require(tlog.consistent(case['size1'], roots[0], case['size2'], roots[1], proof), 'PROOF_INVALID')
    return {}


def tlog_tlog_proof(case):
    proof = tlog.parse_proof(case['proof'])
    if 'vkey' in case:
        tlog.signers(proof.note, [tlog.parse_vkey(case['vkey'])])
        leaf = tlog.leaf_hash(b64(case['entry']))
        require(tlog.included(proof.index, proof.checkpoint.size, leaf, proof.hashes, proof.checkpoint.root), 'PROOF_INVALID')
    return {'index': proof.index}


def tlog_policy(case):
    parse_policy(case['text'])
    # The canonical spelling is an accepted one, with the same meaning.
    if 'canonical' in case: require(parse_policy(case['text']) == parse_policy(case['canonical']), 'POLICY_SYNTAX')
    return {}


def tlog_policy_evaluation(case):
    policy = parse_policy(case['policy'])
    note = tlog.parse_note(case['note'])
    checkpoint = tlog.parse_checkpoint(note.text)
    logs = [key for key in policy.logs if key.name == checkpoint.origin]
    require(logs, 'UNTRUSTED')
    found = tlog.signers(note, logs + list(policy.witnesses.values()))
    require(any(key in found for key in logs), 'SIGNATURE_INVALID')
    present = [name for name, key in policy.witnesses.items() if key in found]
    return {'witnesses': present, 'quorumMet': quorum_met(policy, set(present))}


def tlog_entry_bundle(case):
    data, at, entries = bytes.fromhex(case['bundle']), 0, []
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at:at + 2], 'big')
        require(end <= len(data) and at + 2 <= len(data), 'PROOF_SYNTAX')
        entries.append(data[at + 2:end].hex())
        at = end
    require(1 <= len(entries) <= 256, 'PROOF_SYNTAX')
    return {'entries': entries}


TILE = re.compile(r'tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*)([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?', re.ASCII)


def tlog_tile_path(case):
    match = TILE.fullmatch(case['path'])
    require(match is not None, 'no path')
    level, high, low, width = match.groups()
    groups = high.replace('x', '').split('/')[:-1] + [low]
    index = int(''.join(groups))
    require(len(groups) == 1 or groups[0] != '000', 'no path')
    require(level == 'entries' or int(level) <= 63, 'no path')
    require(index <= 2 ** 53 - 1 and (width is None or int(width) <= 255), 'no path')
    return {'level': level if level == 'entries' else int(level), 'index': index, 'width': int(width or 256)}


def difference(judge, case, valid):
    """None, or how verifier and vector differ."""
    try:
        said = judge(case)
    except Refused as error:
        if valid: return f'refused a valid case: {error}'
        if case.get('code', error.code) != error.code: return f'{error}, expected {case["code"]}'
        for name in ('line', 'parameter'):
            wanted = case.get(name)
            if isinstance(wanted, str): wanted = re.split(r'[.\[]', wanted)[0]
            if name in case and wanted != error.where: return f'{name} {error.where}, expected {wanted}'
        return None
    if not valid and 'report' not in case: return 'accepted an invalid case'
    wrong = [name for name in said if name in case and said[name] != case[name]]
    return f'{wrong}: {[said[name] for name in wrong]}' if wrong else None


def run(directory, family):
    result = {'family': family, 'valid': 0, 'invalid': 0, 'differ': []}
    for validity in ('valid', 'invalid'):
        for path in sorted((directory / family / validity).glob('*.json')):
            file = json.loads(path.read_text('utf-8'))
            judge = bundle if family == 'bundle' else globals()[f'{family}_{path.stem}'.replace('-', '_')]
            for case in file.get('cases', [file]):
                result[validity] += 1
                problem = difference(judge, case, validity == 'valid')
                if problem: result['differ'].append(f'{path.name} {case.get("name", case.get("comment"))}: {problem}')
    return result


if __name__ == '__main__':
    results = [run(Path(sys.argv[1]), family) for family in sys.argv[2:]]
    for result in results: print(json.dumps(result, ensure_ascii=False))
    sys.exit(1 if not results or any(result['differ'] for result in results) else 0)

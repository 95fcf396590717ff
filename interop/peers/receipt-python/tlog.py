"""The transparency log: C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof, and Merkle trees of RFC 9162 §2.1."""
import hashlib, re
from collections import namedtuple
from common import SAFE, Refused, decode_base64
import ed25519

Key = namedtuple('Key', 'name type id public')
Note = namedtuple('Note', 'text signatures')
Checkpoint = namedtuple('Checkpoint', 'origin size root extensions')
Proof = namedtuple('Proof', 'extra index hashes note checkpoint')
LOG_KEY, WITNESS_KEY = 1, 4
SIGNATURES_MAX, EXTENSIONS_MAX, HASHES_MAX, NAME_MAX = 64, 16, 53, 255


def sha256(data): return hashlib.sha256(data).digest()
def leaf_hash(entry): return sha256(b'\x00' + entry)
def node_hash(left, right): return sha256(b'\x01' + left + right)


def is_name(text):
    return 0 < len(text.encode()) <= NAME_MAX and '+' not in text and not any(c.isspace() or ord(c) < 32 for c in text)


def parse_decimal(text, code):
    if re.fullmatch('0|[1-9][0-9]{0,15}', text) is None or int(text) > SAFE: raise Refused(code, 'not a decimal number')
    return int(text)


def parse_vkey(text):
    parts = text.split('+', 2)
    if len(parts) != 3 or not is_name(parts[0]) or re.fullmatch('[0-9a-f]{8}', parts[1]) is None:
        raise Refused('VKEY_SYNTAX', text)
    data = decode_base64(parts[2], 'VKEY_SYNTAX')
    if len(data) != 33 or data[0] not in (LOG_KEY, WITNESS_KEY): raise Refused('VKEY_SYNTAX', 'not an Ed25519 key')
    if sha256(parts[0].encode() + b'\n' + data)[:4].hex() != parts[1]: raise Refused('VKEY_SYNTAX', 'another key id')
    return Key(parts[0], data[0], bytes.fromhex(parts[1]), data[1:])


def parse_note(note):
    """c2sp.org/signed-note: text up to the last blank line, then signature lines."""
    if any(ord(c) < 32 and c != '\n' for c in note): raise Refused('NOTE_SYNTAX', 'control character')
    split = note.rfind('\n\n')
    lines = note[split + 2:].split('\n') if split >= 0 else []
    if len(lines) < 2 or lines.pop() != '' or len(lines) > SIGNATURES_MAX: raise Refused('NOTE_SYNTAX', 'signatures')
    signatures = []
    for line in lines:
        parts = line.split(' ')
        if len(parts) != 3 or parts[0] != '—' or not is_name(parts[1]): raise Refused('NOTE_SYNTAX', 'signature line')
        data = decode_base64(parts[2], 'NOTE_SYNTAX')
        if len(data) < 5: raise Refused('NOTE_SYNTAX', 'a signature without bytes')
        signatures.append((parts[1], data[:4], data[4:]))
    return Note(note[:split + 1], signatures)


def signature_holds(key, text, signature):
    if key.type == LOG_KEY: return ed25519.verify(key.public, text.encode(), signature)
    # c2sp.org/tlog-cosignature: eight bytes of time, then the signature over time and note.
    if len(signature) != 72: return False
    time = int.from_bytes(signature[:8], 'big')
    return ed25519.verify(key.public, f'cosignature/v1\ntime {time}\n{text}'.encode(), signature[8:])


def signers(note, keys):
    """The keys that signed, in the order of the note. A signature of a known key that does not hold refuses the note."""
    found = []
    for name, key_id, signature in note.signatures:
        key = next((key for key in keys if (key.name, key.id) == (name, key_id)), None)
        if key is None: continue
        if not signature_holds(key, note.text, signature): raise Refused('SIGNATURE_INVALID', name)
        if key not in found: found.append(key)
    if not found: raise Refused('SIGNATURE_INVALID', 'no known key')
    return found


def parse_checkpoint(text):
    lines = text.split('\n')
    if len(lines) < 4 or lines.pop() != '' or '' in lines or len(lines) > 3 + EXTENSIONS_MAX:
        raise Refused('NOTE_SYNTAX', 'lines of a checkpoint')
    root = decode_base64(lines[2], 'NOTE_SYNTAX')
    if len(root) != 32: raise Refused('NOTE_SYNTAX', 'root')
    return Checkpoint(lines[0], parse_decimal(lines[1], 'NOTE_SYNTAX'), root, lines[3:])


def parse_proof(text):
    """c2sp.org/tlog-proof@v1."""
    head, blank, note_text = text.partition('\n\n')
    lines = head.split('\n')
    if blank == '' or lines.pop(0) != 'c2sp.org/tlog-proof@v1': raise Refused('PROOF_SYNTAX', 'header')
    extra = None
    if lines and lines[0].startswith('extra '):
        extra = decode_base64(lines.pop(0)[6:], 'PROOF_SYNTAX')
        if extra == b'': raise Refused('PROOF_SYNTAX', 'empty extra')
    if not lines or not lines[0].startswith('index '): raise Refused('PROOF_SYNTAX', 'index')
    index = parse_decimal(lines.pop(0)[6:], 'PROOF_SYNTAX')
    hashes = [decode_base64(line, 'PROOF_SYNTAX') for line in lines]
    if len(hashes) > HASHES_MAX or any(len(item) != 32 for item in hashes): raise Refused('PROOF_SYNTAX', 'hashes')
    note = parse_note(note_text)
    return Proof(extra, index, hashes, note, parse_checkpoint(note.text))


def included(index, size, leaf, hashes, root):
    """RFC 9162 §2.1.3.2."""
    if not 0 <= index < size or any(len(item) != 32 for item in hashes): return False
    fn, sn, result = index, size - 1, leaf
    for item in hashes:
        if sn == 0: return False
        if fn & 1 or fn == sn:
            result = node_hash(item, result)
            while fn & 1 == 0 and fn != 0: fn, sn = fn >> 1, sn >> 1
        else:
            result = node_hash(result, item)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and result == root


def consistent(size1, root1, size2, root2, hashes):
    """RFC 9162 §2.1.4.2, and equal roots without a proof for equal sizes."""
    if any(len(item) != 32 for item in hashes): return False
    if size1 == size2: return root1 == root2 and not hashes
    if not 0 < size1 < size2 or not hashes: return False
    path = list(hashes)
    if size1 & (size1 - 1) == 0: path.insert(0, root1)
    fn, sn = size1 - 1, size2 - 1
    while fn & 1: fn, sn = fn >> 1, sn >> 1
    first = second = path[0]
    for item in path[1:]:
        if sn == 0: return False
        if fn & 1 or fn == sn:
            first, second = node_hash(item, first), node_hash(item, second)
            while fn & 1 == 0 and fn != 0: fn, sn = fn >> 1, sn >> 1
        else:
            second = node_hash(second, item)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and first == root1 and second == root2


def tree_root(hashes):
    """RFC 9162 §2.1.1, of leaf hashes."""
    if len(hashes) == 0: return sha256(b'')
    if len(hashes) == 1: return hashes[0]
    split = 1
    while split * 2 < len(hashes): split *= 2
    return node_hash(tree_root(hashes[:split]), tree_root(hashes[split:]))

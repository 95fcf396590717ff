// Verifier keys, signed notes and checkpoints.
import { ed25519NoteSigner, encodeSignatureLine, signNote } from '@runproof/tlog';
import {
  checkpointText,
  cosigned,
  damage,
  log,
  otherLog,
  sameNameLog,
  signedCheckpoint,
  witness1,
} from './material.ts';

export function vkeyVectors(): [object[], object[]] {
  const describe = (comment: string, vkey: string, name: string, type: number) => ({
    comment,
    vkey,
    name,
    type,
    keyId: vkey.slice(name.length + 1, name.length + 9),
  });
  const golang = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
  const valid = [
    describe('Ed25519, from golang.org/x/mod/sumdb/note', golang, 'PeterNeumann', 1),
    describe(
      'Ed25519, base64 with a plus',
      'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx',
      'example.com/log/testdata',
      1,
    ),
    describe('cosignature v1', witness1.vkey, witness1.name, 4),
    describe(
      'a name beyond ASCII',
      ed25519NoteSigner('größe.example', new Uint8Array(32).fill(9)).vkey,
      'größe.example',
      1,
    ),
  ];
  const invalid = [
    { comment: 'empty', vkey: '' },
    { comment: 'no id', vkey: 'PeterNeumann+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq' },
    { comment: 'another id', vkey: golang.replace('c74f20a3', 'c74f20a4') },
    { comment: 'upper-case id', vkey: golang.replace('c74f20a3', 'C74F20A3') },
    { comment: 'another name', vkey: golang.replace('Peter', 'Petra') },
    { comment: 'a space in the name', vkey: golang.replace('Peter', 'Peter ') },
    { comment: 'no name', vkey: golang.replace('PeterNeumann', '') },
    {
      comment: 'base64 without its padding',
      vkey: 'PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY',
    },
    {
      comment: 'a key that is too long',
      vkey: 'PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==',
    },
    { comment: 'an unknown type', vkey: 'PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW' },
    { comment: 'a line break behind it', vkey: `${golang}\n` },
  ];
  return [valid, invalid];
}

export function noteVectors(): [object[], object[]] {
  const note = signedCheckpoint(7);
  const strange = encodeSignatureLine({ name: 'stranger.example', keyId: '01020304', signature: new Uint8Array(64) });
  const blank = signNote('one\n\ntwo\n', log);
  const golang = {
    text: "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
    signature:
      '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n',
    vkey: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  };
  const valid = [
    {
      comment: 'from golang.org/x/mod/sumdb/note',
      note: `${golang.text}\n${golang.signature}`,
      vkeys: [golang.vkey],
      signers: ['PeterNeumann'],
    },
    { comment: 'one signature', note, vkeys: [log.vkey], signers: [log.name] },
    { comment: 'signatures of strangers are ignored', note: note + strange, vkeys: [log.vkey], signers: [log.name] },
    { comment: 'a blank line in the text', note: blank, vkeys: [log.vkey], signers: [log.name] },
    {
      comment: 'the same signature twice counts once',
      note: note + note.slice(note.lastIndexOf('—')),
      vkeys: [log.vkey],
      signers: [log.name],
    },
    { comment: '17 signatures', note: note + strange.repeat(16), vkeys: [log.vkey], signers: [log.name] },
    {
      comment: 'a log and a witness',
      note: cosigned(note, witness1),
      vkeys: [log.vkey, witness1.vkey],
      signers: [log.name, witness1.name],
    },
  ];
  const syntax = (comment: string, text: string) => ({ comment, note: text, vkeys: [log.vkey], code: 'NOTE_SYNTAX' });
  const forged = (comment: string, text: string, ...vkeys: string[]) => ({
    comment,
    note: text,
    vkeys: vkeys.length === 0 ? [log.vkey] : vkeys,
    code: 'SIGNATURE_INVALID',
  });
  const line = note.slice(note.lastIndexOf('—'));
  const invalid = [
    syntax('empty', ''),
    syntax('no signatures', `${checkpointText(7)}\n`),
    syntax('no blank line', checkpointText(7) + line),
    syntax('no line break at the end', note.slice(0, -1)),
    syntax('carriage returns', note.replaceAll('\n', '\r\n')),
    syntax('a tab in the text', note.replace('7', '\t7')),
    syntax('a hyphen for the dash', note.replace('—', '-')),
    syntax('two spaces in a signature line', note.replace('— ', '—  ')),
    syntax('a blank line behind the signatures', `${note}\n`),
    syntax('base64 without its padding', note.replace('=\n', '\n').replace(/=\n$/, '\n')),
    syntax('a signature that is only a key id', `${checkpointText(7)}\n— ${log.name} AQIDBA==\n`),
    syntax('a plus in a name', `${note}— a+b AQIDBAU=\n`),
    syntax('more than 64 signatures', note + strange.repeat(64)),
    forged('one bit of the signature', damage(note, 10)),
    forged('one digit of the text', note.replace('\n7\n', '\n8\n')),
    forged('signed by a key that is not known', note, otherLog.vkey),
    forged('the same name, another key', note, sameNameLog.vkey),
    forged(
      'a known signature that does not hold beside one that does',
      cosigned(note, witness1).replace(/.{12}\n$/, 'AAAAAAAAAAA=\n'),
      log.vkey,
      witness1.vkey,
    ),
    forged('a known signature repeated with damage', note + damage(line, 10)),
  ];
  return [valid, invalid];
}

export function checkpointVectors(): [object[], object[]] {
  const text = checkpointText(7);
  const [origin, size, hash] = text.split('\n') as [string, string, string];
  const valid = [
    { comment: 'a tree of 7', text, origin: log.name, size: 7, root: hash, extensions: [] },
    {
      comment: 'the empty tree',
      text: `${origin}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n`,
      origin,
      size: 0,
      root: '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
      extensions: [],
    },
    { comment: 'extension lines', text: `${text}one\ntwo\n`, origin, size: 7, root: hash, extensions: ['one', 'two'] },
    {
      comment: 'the largest size',
      text: `${origin}\n9007199254740991\n${hash}\n`,
      origin,
      size: 9_007_199_254_740_991,
      root: hash,
      extensions: [],
    },
    {
      comment: 'spaces in the origin',
      text: `Example log\n${size}\n${hash}\n`,
      origin: 'Example log',
      size: 7,
      root: hash,
      extensions: [],
    },
  ];
  const invalid = [
    { comment: 'empty', text: '' },
    { comment: 'two lines', text: `${origin}\n${size}\n` },
    { comment: 'no line break at the end', text: text.slice(0, -1) },
    { comment: 'an empty origin', text: `\n${size}\n${hash}\n` },
    { comment: 'a leading zero', text: `${origin}\n07\n${hash}\n` },
    { comment: 'a sign', text: `${origin}\n+7\n${hash}\n` },
    { comment: 'a negative size', text: `${origin}\n-7\n${hash}\n` },
    { comment: 'a space before the size', text: `${origin}\n 7\n${hash}\n` },
    { comment: 'hexadecimal', text: `${origin}\n0x7\n${hash}\n` },
    { comment: 'an empty size', text: `${origin}\n\n${hash}\n` },
    { comment: 'beyond 2^53 - 1', text: `${origin}\n9007199254740992\n${hash}\n` },
    { comment: 'a root of 9 bytes', text: `${origin}\n7\nYmFuYW5hcw==\n` },
    {
      comment: 'a root with loose bits',
      text: `${origin}\n7\n${hash.slice(0, -2)}${hash.at(-2) === 'A' ? 'B' : String.fromCharCode(hash.charCodeAt(hash.length - 2) + 1)}=\n`,
    },
    { comment: 'an empty extension line', text: `${text}\n` },
    { comment: '17 extension lines', text: text + 'x\n'.repeat(17) },
  ];
  return [valid, invalid];
}

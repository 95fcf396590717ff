// Tiles, entry bundles and offline proofs.
import { encodeBase64, encodeHex, utf8 } from '@runproof/protocol';
import { encodeEntryBundle, encodeTlogProof, inclusionProof, signNote, tilePath } from '@runproof/tlog';
import { entry, log, SIZES, signedCheckpoint, tree } from './material.ts';

export function tileVectors(): [object[], object[]] {
  const addresses: readonly (readonly [number | 'entries', number, number])[] = [
    [0, 0, 256],
    [0, 0, 1],
    [0, 0, 255],
    [1, 999, 256],
    [2, 1000, 256],
    [63, 1_234_067, 7],
    ['entries', 0, 256],
    ['entries', 1_000_000, 4],
    [0, 35_184_372_088_831, 255],
  ];
  const valid = addresses.map(([level, index, width]) => ({
    comment: `level ${level}, tile ${index}, ${width} wide`,
    path: tilePath(level, index, width),
    level,
    index,
    width,
  }));
  const paths = [
    '',
    'tile',
    'tile/0',
    'tile/0/',
    'tile/0/0',
    'tile/0/00',
    'tile/0/0000',
    'tile/00/000',
    'tile/64/000',
    'tile/-1/000',
    'tile/0/x000/001',
    'tile/0/001/234',
    'tile/0/x001/x234',
    'tile/0/X001/234',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    'tile/0/000.p/',
    'tile/0/000.p',
    'tile/0/000/',
    '/tile/0/000',
    'tile/0/000?x',
    'tile/data/000',
    'tile/entries/0',
    'tile/0/../000',
    'tile/0/%30%30%30',
    'tile/0/000\n',
    `tile/0/${'x999/'.repeat(6)}999`,
    'tile/0/x001/234.p/999',
  ];
  return [valid, paths.map((path) => ({ comment: `"${path.slice(0, 40)}"`, path }))];
}

export function bundleVectors(): [object[], object[]] {
  const bundle = (...entries: Uint8Array[]) => ({
    bundle: encodeHex(encodeEntryBundle(entries)),
    entries: entries.map(encodeHex),
  });
  const valid = [
    { comment: 'one entry', ...bundle(entry(0)) },
    { comment: 'an empty entry', ...bundle(new Uint8Array(0)) },
    { comment: 'three entries', ...bundle(entry(0), new Uint8Array(0), entry(2)) },
    { comment: 'a full bundle', ...bundle(...Array.from({ length: 256 }, (_, index) => Uint8Array.of(index))) },
  ];
  const invalid = [
    { comment: 'empty', bundle: '' },
    { comment: 'half a length', bundle: '00' },
    { comment: 'ends inside an entry', bundle: '0003aabb' },
    { comment: 'one byte behind the last entry', bundle: '0001aa00' },
    { comment: '257 entries', bundle: '0000'.repeat(257) },
  ];
  return [valid, invalid];
}

export function proofVectors(): [object[], object[]] {
  const proof = (index: number, size: number, extra: Uint8Array | null = null): string =>
    encodeTlogProof({ extra, index, hashes: inclusionProof(index, size, tree), checkpoint: signedCheckpoint(size) });
  const good = proof(5, 9);
  const valid = [
    ...SIZES.map((size) => ({
      comment: `leaf ${size - 1} of ${size}`,
      proof: proof(size - 1, size),
      index: size - 1,
      entry: encodeBase64(entry(size - 1)),
      vkey: log.vkey,
    })),
    {
      comment: 'extra data',
      proof: proof(5, 9, utf8('not authenticated')),
      index: 5,
      entry: encodeBase64(entry(5)),
      vkey: log.vkey,
    },
  ];
  const [first] = good.split('\n').slice(2) as [string];
  const syntax = (comment: string, text: string, code = 'PROOF_SYNTAX') => ({ comment, proof: text, code });
  const invalid = [
    syntax('empty', ''),
    syntax('the header without a version', good.replace('@v1', '')),
    syntax('no index', good.replace('index 5\n', '')),
    syntax('an index with a leading zero', good.replace('index 5', 'index 05')),
    syntax('a negative index', good.replace('index 5', 'index -5')),
    syntax('extra behind the index', good.replace('index 5\n', 'index 5\nextra AAAA\n')),
    syntax('extra that is not base64', good.replace('index 5\n', 'extra ?\nindex 5\n')),
    syntax('empty extra', good.replace('index 5\n', 'extra \nindex 5\n')),
    syntax('extra twice', good.replace('index 5\n', 'extra AAAA\nextra AAAA\nindex 5\n')),
    syntax('a hash without its padding', good.replace(first, first.slice(0, -1))),
    syntax('a hash of 31 bytes', good.replace(first, encodeBase64(new Uint8Array(31)))),
    syntax('54 hashes', good.replace(first, `${first}\n`.repeat(54).slice(0, -1))),
    syntax('no blank line', good.replace('\n\n', '\n')),
    syntax('a carriage return', good.replace('\n', '\r\n')),
    syntax('no checkpoint', good.slice(0, good.indexOf('\n\n') + 2), 'NOTE_SYNTAX'),
    syntax('a checkpoint without signatures', good.slice(0, good.indexOf('—')), 'NOTE_SYNTAX'),
    syntax(
      'a note that is no checkpoint',
      good.slice(0, good.indexOf('\n\n') + 2) + signNote('hello\n', log),
      'NOTE_SYNTAX',
    ),
  ];
  return [valid, invalid];
}

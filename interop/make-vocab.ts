// Writes vectors/tokenizer/vocab/*.json, the two small vocabularies of the tokenizer vectors; with --check compares.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { trainBytePair, trainSentencePiece } from './tokenizer/train.ts';

const FOLDER = fileURLToPath(new URL('../vectors/tokenizer/vocab/', import.meta.url));
let same = true;
mkdirSync(FOLDER, { recursive: true });
for (const [name, vocabulary] of [
  ['byte-pair', trainBytePair()],
  ['sentence-piece', trainSentencePiece()],
] as const) {
  const path = `${FOLDER}${name}.json`;
  const text = `${JSON.stringify(vocabulary)}\n`;
  if (process.argv.includes('--check')) same = readFileSync(path, 'utf8') === text && same;
  else writeFileSync(path, text);
}
if (process.argv.includes('--check'))
  console.log(same ? 'vocabularies: as generated' : 'vocabularies: differ from their generator');
process.exit(same ? 0 : 1);

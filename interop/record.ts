// Writes vectors/tokenizer/*.json: what node-llama-cpp makes of the nasty texts, so that plain `npm test` checks it without the peer.
// With --check it compares instead.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadPeerVocabulary } from './peer.ts';
import { LONG_RUNS, NASTY_TEXTS, randomTexts } from './tokenizer/corpus.ts';
import { FAMILIES, type TokenizerFamily } from './tokenizer/families.ts';
import type { VocabularyFile } from './tokenizer/train.ts';

const FOLDER = fileURLToPath(new URL('../vectors/tokenizer/', import.meta.url));
const RANDOM_TEXTS = 40;

export function vocabularyOf(family: TokenizerFamily): VocabularyFile {
  const stored = JSON.parse(readFileSync(`${FOLDER}vocab/${family.vocabulary}.json`, 'utf8')) as VocabularyFile;
  return { ...stored, ...family.changes };
}

async function record(family: TokenizerFamily): Promise<string> {
  const model = await loadPeerVocabulary(family.name, vocabularyOf(family));
  const texts = [...NASTY_TEXTS, ...LONG_RUNS.map((run) => run.slice(0, 200)), ...randomTexts(1, RANDOM_TEXTS, 30)];
  const lines = [...new Set(texts)].flatMap((text) =>
    [false, true].flatMap((parseSpecial) => {
      const ids = model.tokenize(text, parseSpecial);
      if (parseSpecial && String(ids) === String(model.tokenize(text, false))) return [];
      return [JSON.stringify({ text, parseSpecial, ids })];
    }),
  );
  const ends = [...model.iterateAllTokens()].filter((token) => model.isEogToken(token));
  await model.dispose();
  const head = {
    comment: `Token ids without BOS that llama.cpp (node-llama-cpp 3.22.1) gives for vocab/${family.vocabulary}.json with the changes below.`,
    vocabulary: family.vocabulary,
    changes: family.changes,
    endOfGeneration: ends,
  };
  return `${JSON.stringify(head).slice(0, -1)},"cases":[\n${lines.join(',\n')}\n]}\n`;
}

if (import.meta.main) {
  let same = true;
  for (const family of FAMILIES) {
    const path = `${FOLDER}${family.name}.json`;
    const text = await record(family);
    if (process.argv.includes('--check')) same = readFileSync(path, 'utf8') === text && same;
    else writeFileSync(path, text);
  }
  if (process.argv.includes('--check'))
    console.log(same ? 'tokenizer vectors: as recorded' : 'tokenizer vectors: differ from the peer');
  process.exit(same ? 0 : 1);
}

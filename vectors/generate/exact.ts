// Vectors of the arithmetic contract: vectors/exact-1/{valid,invalid}/*.json.
import {
  activationVectors,
  elementaryVectors,
  halfVectors,
  productVectors,
  ropeVectors,
  sumVectors,
} from './exact/arithmetic.ts';
import { fileVectors } from './exact/files.ts';
import { modelVectors, replayVectors } from './exact/models.ts';
import { randomVectors, samplerVectors, textVectors, traceVectors } from './exact/sampling.ts';

const BITS = 'f32 values are the 8, f64 values the 16 hex digits of their bits, most significant first';

/** All files of vectors/exact-1: path below vectors/ → content. */
export async function generateExactVectors(): Promise<Map<string, string>> {
  const groups: readonly (readonly [string, string, readonly [object[], object[]]])[] = [
    ['elementary', `specs/exact-1.md §5: elementary functions. ${BITS}`, [elementaryVectors(), []]],
    ['half', `specs/exact-1.md §5.5: rounding to f16, as the 4 hex digits of its bits. ${BITS}`, halfVectors()],
    ['sums', `specs/exact-1.md §1 and §2: dot and sum4. ${BITS}`, [sumVectors(), []]],
    ['activation-blocks', `specs/exact-1.md §3: codes and scales of blocks of 32. ${BITS}`, activationVectors()],
    [
      'products',
      `specs/exact-1.md §4: rows x cols times a vector, and the lookup of row 0. weights are the bytes of the tensor. ${BITS}`,
      [productVectors(), []],
    ],
    ['rope', `specs/exact-1.md §6.1: cosine and sine of every pair at a position. ${BITS}`, [ropeVectors(), []]],
    [
      'models',
      `specs/exact-1.md §6: GGUF files in base64. logit_hashes: SHA-256 of the f32le logits after each id; greedy: 12 ids at temperature 0. ${BITS}`,
      [await modelVectors(), []],
    ],
    ['random', `specs/exact-1.md §7.1: Philox4x32-10 and u. ${BITS}`, [randomVectors(), []]],
    ['sampler', `specs/exact-1.md §7: the id chosen from logits. ${BITS}`, [samplerVectors(), []]],
    [
      'text',
      'specs/exact-1.md §7.3: text that becomes final with each token (bytes in hex), and at the end',
      [textVectors(), []],
    ],
    ['trace', `specs/exact-1.md §8: the chain of hashes, beginning with h_0. ${BITS}`, [traceVectors(), []]],
    [
      'replay',
      'specs/exact-1.md §9: the outcome for what a receipt says. All cases use the GGUF file of the first',
      await replayVectors(),
    ],
    ['files', 'specs/exact-1.md §11: loading the GGUF file works (valid) or fails with the code', await fileVectors()],
  ];
  const files = new Map<string, string>();
  for (const [name, comment, [valid, invalid]] of groups) {
    files.set(`exact-1/valid/${name}.json`, `${JSON.stringify({ comment, cases: valid }, null, 1)}\n`);
    if (invalid.length > 0)
      files.set(`exact-1/invalid/${name}.json`, `${JSON.stringify({ comment, cases: invalid }, null, 1)}\n`);
  }
  return files;
}

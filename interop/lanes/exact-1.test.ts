// A second implementation of contract exact-1, in Python and from the specification alone, judges the vectors, and models that no vector holds.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ARCHITECTURES, loadOracle } from '@runproof/exact';
import { memorySource, type RandomModelOptions, randomModel } from '@runproof/exact/testing';
import { encodeBase64, encodeHex, sha256 } from '@runproof/protocol';
import { afterAll, describe, expect, it } from 'vitest';

const PROGRAM = fileURLToPath(new URL('../peers/exact-1/exact1.py', import.meta.url));
const VECTORS = fileURLToPath(new URL('../../vectors/exact-1', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'runproof-exact-1-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function judge(directory: string): { status: number | null; output: string } {
  const { status, stdout, stderr, error } = spawnSync('python3', [PROGRAM, directory], { encoding: 'utf8' });
  if (error !== undefined) throw new Error(`python3 could not be started: ${error.message}`);
  return { status, output: stdout + stderr };
}

/** A copy of the vectors in which the models are `cases`. */
function withModels(name: string, cases: readonly object[]): string {
  const directory = join(folder, name);
  mkdirSync(directory);
  cpSync(VECTORS, directory, { recursive: true });
  writeFileSync(join(directory, 'valid', 'models.json'), JSON.stringify({ cases }));
  return directory;
}

async function describeModel(options: RandomModelOptions): Promise<object> {
  const file = randomModel(options);
  const model = await loadOracle(memorySource(file));
  const ids = Array.from({ length: 9 }, (_, index) => (index * 31 + options.seed) % options.vocabSize);
  const sequence = model.createSequence(12);
  const rows = sequence.extend(ids, 0);
  const hashes = rows.map((row) => encodeHex(sha256(new Uint8Array(row.buffer))));
  const greedy: number[] = [];
  let last = rows.at(-1) ?? new Float32Array(1);
  while (greedy.length < 3) {
    greedy.push(last.indexOf(Math.max(...last)));
    last = sequence.extend(greedy.slice(-1), 0)[0] ?? last;
  }
  return { comment: JSON.stringify(options), file: encodeBase64(file), ids, logit_hashes: hashes, greedy };
}

describe('exact-1 in Python', () => {
  it('agrees with every vector', () => {
    const { status, output } = judge(VECTORS);
    expect(output).toMatch(/^\d+ checks of exact-1 agree\n$/);
    expect(status).toBe(0);
  });

  it('agrees on random models of every type and shape', async () => {
    const shape = {
      width: 64,
      layers: 2,
      heads: 4,
      kvHeads: 2,
      ffnWidth: 96,
      vocabSize: 101,
      contextLength: 64,
    } as const;
    const cases: object[] = [];
    for (const architecture of ARCHITECTURES) {
      for (const [index, type] of (['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0'] as const).entries()) {
        const odd = index % 2 === 1;
        const variety = odd
          ? { ropeLinear: 1.5, tied: true }
          : { headDim: 32, ropeDimension: 24, ropeFreqs: architecture === 'llama' };
        cases.push(await describeModel({ ...shape, ...variety, seed: 900 + index, architecture, type }));
      }
    }
    const wide = { ...shape, width: 256, headDim: 16, layers: 1, type: 'Q4_K' } as const;
    const mixed = { attn_k: 'Q5_K', attn_v: 'Q6_K', attn_output: 'Q5_1', ffn_gate: 'Q3_K', ffn_up: 'Q2_K' } as const;
    const types = { ...mixed, ffn_down: 'IQ4_NL', token_embd: 'Q4_1', output: 'Q5_0' } as const;
    for (const architecture of ['llama', 'qwen2'] as const)
      cases.push(await describeModel({ ...wide, seed: 950, architecture, types }));
    expect(judge(withModels('random', cases)).output).toMatch(/agree\n$/);
  });

  it('notices one wrong bit', () => {
    const { cases } = JSON.parse(readFileSync(join(VECTORS, 'valid', 'models.json'), 'utf8')) as {
      cases: { logit_hashes: string[] }[];
    };
    const hashes = cases[0]?.logit_hashes ?? [];
    hashes[3] = `0${(hashes[3] ?? '').slice(1)}`;
    const { status, output } = judge(withModels('wrong', cases));
    expect(status).not.toBe(0);
    expect(output).toContain('expected');
  });
});

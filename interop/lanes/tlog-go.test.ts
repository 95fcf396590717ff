// Two verifiers that nobody here wrote, torchwood and golang.org/x/mod/sumdb, judge the proofs of our log, and refuse tampered ones.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openLog } from '@runproof/log';
import { encodeCheckpoint, encodeTlogProof, parseCheckpoint, parseTlogProof } from '@runproof/tlog';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

interface Question {
  readonly vkey: string;
  readonly policy: string;
  readonly entry: string;
  readonly proof: string;
}

interface Answer {
  readonly torchwood: string;
  readonly sumdb: string;
}

const PEER = fileURLToPath(new URL('../peers/tlog-go', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'runproof-tlog-go-'));
const program = join(folder, 'judge');
const SIZES = [1, 2, 3, 7, 8, 255, 256, 257, 700];
const honest: { question: Question; size: number }[] = [];

function judge(questions: readonly Question[]): Answer[] {
  const input = questions.map((question) => JSON.stringify(question)).join('\n');
  const run = spawnSync(program, [], { input: `${input}\n`, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (run.status !== 0) throw new Error(`the Go peer failed: ${run.stderr}`);
  return run.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer);
}

beforeAll(async () => {
  const built = spawnSync('go', ['build', '-o', program, '.'], { cwd: PEER, encoding: 'utf8' });
  if (built.status !== 0)
    throw new Error(`go build failed (is Go installed?): ${built.stderr ?? built.error?.message}`);
  const clock = { now: () => Date.now() };
  const random = { bytes: (length: number) => new Uint8Array(randomBytes(length)) };
  const log = await openLog({
    directory: join(folder, 'log'),
    clock,
    random,
    onWarning: (warning) => console.warn(warning),
  });
  const policy = `log ${log.vkey}\nquorum none\n`;
  let size = 0;
  for (const target of SIZES) {
    const entries = Array.from({ length: target - size }, () => randomBytes(33));
    const inclusions = await Promise.all(entries.map((entry) => log.append(entry)));
    size = target;
    const last = entries.length - 1;
    for (const at of new Set([0, Math.floor(last / 2), last])) {
      const proof = inclusions[at]?.proof ?? '';
      honest.push({ size, question: { vkey: log.vkey, policy, entry: entries[at]?.toString('base64') ?? '', proof } });
    }
  }
  await log.close();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('proofs of our log, judged by Go', () => {
  it('accepts every honest proof', () => {
    const answers = judge(honest.map(({ question }) => question));
    expect(answers).toEqual(honest.map(() => ({ torchwood: 'ok', sumdb: 'ok' })));
  });

  it('refuses another entry, another index, a shorter proof, and a signature that was touched', () => {
    const lies = honest
      .filter(({ size }) => size > 2)
      .flatMap(({ question }) => {
        const parsed = parseTlogProof(question.proof);
        return [
          { ...question, entry: randomBytes(33).toString('base64') },
          { ...question, proof: encodeTlogProof({ ...parsed, index: parsed.index === 0 ? 1 : parsed.index - 1 }) },
          { ...question, proof: encodeTlogProof({ ...parsed, hashes: parsed.hashes.slice(1) }) },
          { ...question, proof: question.proof.replace(/\n(\d+)\n/, (_, size: string) => `\n${Number(size) + 1}\n`) },
        ];
      });
    const answers = judge(lies);
    expect(answers.filter(({ torchwood, sumdb }) => torchwood === 'ok' || sumdb === 'ok')).toEqual([]);
    expect(answers.length).toBe(lies.length);
  });

  it('reads the checkpoint as we do', () => {
    const { question, size } = honest.at(-1) ?? { question: { proof: '' }, size: 0 };
    const note = parseTlogProof(question.proof).checkpoint;
    const checkpoint = parseCheckpoint(note.slice(0, note.indexOf('\n\n') + 1));
    expect(checkpoint.size).toBe(size);
    expect(note.startsWith(encodeCheckpoint(checkpoint))).toBe(true);
  });
});

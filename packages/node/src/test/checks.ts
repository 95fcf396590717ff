// What a verifier would check of a bundle, from the formats' own functions.
import {
  type Bundle,
  commit,
  effectiveSampling,
  encodeBase64,
  encodeCanonicalJson,
  encodeHex,
  encodeTokenIds,
  isJsonObject,
  outputCommitmentData,
  parseBase64,
  parseHex,
  parseJson,
  receiptEntry,
  tokensCommitmentData,
  utf8,
} from '@runproof/protocol';
import { evaluatePolicy, leafHash, parsePolicy, parseTlogProof, verifyInclusion } from '@runproof/tlog';
import { expect } from 'vitest';
import { policyHint } from '../routes/about.ts';
import type { TestEngine } from './engine.ts';
import { CONTEXT_LENGTH } from './engine.ts';
import type { MemoryLog } from './log.ts';

export interface Delivered {
  /** the exact request body */
  readonly request: string;
  readonly nonce?: string;
  readonly content: string;
}

/** The bundle is in the log, and binds the request, the nonce, the effective parameters and what was delivered. */
export async function checkBundle(
  bundle: Bundle,
  parts: { engine: TestEngine; log: MemoryLog },
  delivered: Delivered,
): Promise<void> {
  const { body, disclosure } = bundle;
  const salt = parseHex(bundle.salt);
  const bytes = utf8(delivered.request);
  if (delivered.nonce !== undefined) expect(body.nonce).toBe(delivered.nonce);
  expect(body.request).toBe(commit(salt, 'request', bytes));
  expect(body.output).toBe(commit(salt, 'output', outputCommitmentData(delivered.content, body.finish_reason)));
  const { prompt, completion, trace } = disclosure ?? { prompt: [], completion: [], trace: '' };
  expect(body.prompt).toBe(commit(salt, 'prompt', encodeTokenIds(prompt)));
  expect(body.tokens).toBe(
    commit(salt, 'tokens', tokensCommitmentData(completion, parseBase64(trace) ?? new Uint8Array(0))),
  );
  expect(body.usage).toEqual({ prompt_tokens: prompt.length, completion_tokens: completion.length });
  expect(body.engine).toEqual({ build: parts.engine.build, contract: parts.engine.contract });
  expect(body.model).toEqual({ digest: parts.engine.model.digest, name: parts.engine.model.name });
  const request = parseJson(bytes);
  if (!isJsonObject(request)) throw new Error('not an object');
  const context = { requestBytes: bytes, nonce: body.nonce, maxTokensAvailable: CONTEXT_LENGTH - prompt.length };
  expect(body.sampling).toEqual(effectiveSampling(request, context));
  let hash = parts.engine.traceStart(prompt);
  const pieces = completion.map((id) => {
    hash = parts.engine.traceNext(hash, id);
    return hash.slice(0, 8);
  });
  expect(trace).toBe(encodeBase64(new Uint8Array(pieces.flatMap((piece) => [...piece]))));
  if (completion.length > 0) expect(body.trace).toBe(encodeHex(hash));
  checkInclusion(bundle, parts);
}

/** The leaf of `bundle` is in the log, under a checkpoint that its own policy accepts. */
export function checkInclusion(bundle: Bundle, parts: { engine: TestEngine; log: MemoryLog }): void {
  const proof = parseTlogProof(bundle.proof);
  const { checkpoint } = evaluatePolicy(parsePolicy(policyHint(parts)), proof.checkpoint);
  const entry = receiptEntry(utf8(encodeCanonicalJson(bundle.body)), parseHex(bundle.salt));
  verifyInclusion({
    index: proof.index,
    size: checkpoint.size,
    leafHash: leafHash(entry),
    root: checkpoint.root,
    proof: proof.hashes,
  });
  expect(checkpoint.origin).toBe(bundle.body.origin);
}

// Questions for verifiers: live answers of a node, and lies about them that a node or somebody in between could tell.
import type { Log } from '@runproof/log';
import {
  commit,
  decodeUtf8,
  deriveSeed,
  encodeCanonicalJson,
  encodeTokenIds,
  type JsonObject,
  type JsonValue,
  outputCommitmentData,
  parseBase64,
  parseHex,
  parseJson,
  receiptEntry,
  tokensCommitmentData,
  utf8,
} from '@runproof/protocol';
import type { Question } from './second-verifier.ts';

export interface Live extends Question {
  readonly request: Uint8Array;
  readonly response: Uint8Array;
  readonly nonce: string;
}

/** Asks a node, and fetches the receipt as a client does. */
export async function ask(url: string, policy: string, path: string, request: object, nonce: string): Promise<Live> {
  const body = JSON.stringify(request);
  const headers = { 'Content-Type': 'application/json', 'Runproof-Nonce': nonce };
  const answer = await fetch(url + path, { method: 'POST', headers, body });
  const response = new Uint8Array(await answer.arrayBuffer());
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${decodeUtf8(response)}`);
  const id = answer.headers.get('runproof-receipt');
  const bundle = id === null ? streamedBundle(response) : await fetchBundle(url, id, nonce);
  return { bundle, policy, request: utf8(body), response, nonce };
}

async function fetchBundle(url: string, id: string, nonce: string): Promise<Uint8Array> {
  const response = await fetch(`${url}/v1/receipts/${id}`, { headers: { 'Runproof-Nonce': nonce } });
  if (!response.ok) throw new Error(`receipt ${id}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

function streamedBundle(response: Uint8Array): Uint8Array {
  for (const line of decodeUtf8(response).split('\n')) {
    if (!line.startsWith('data: {')) continue;
    const { runproof } = JSON.parse(line.slice(6)) as { runproof?: { receipt: JsonObject } };
    if (runproof !== undefined) return utf8(encodeCanonicalJson(runproof.receipt));
  }
  throw new Error('the stream has no receipt');
}

export interface Parts {
  readonly body: JsonObject;
  readonly disclosure: JsonObject | null;
  readonly salt: string;
}

export function partsOf(question: Question): Parts {
  return structuredClone(parseJson(question.bundle)) as unknown as Parts;
}

/** The receipt that a lying node would seal: `change` edits body and disclosure, then body, salt and log fit together again. */
export async function reseal(question: Question, log: Log, change: (parts: Parts) => Parts): Promise<Question> {
  const changed = change(partsOf(question));
  const entry = receiptEntry(utf8(encodeCanonicalJson(changed.body)), parseHex(changed.salt));
  const { proof } = await log.append(entry);
  return { ...question, bundle: utf8(encodeCanonicalJson({ ...changed, proof, schema: 'runproof/bundle/1' })) };
}

/** Seals anew with a body that has `fields`. */
export function withBody(question: Question, log: Log, fields: JsonObject): Promise<Question> {
  return reseal(question, log, (parts) => ({ ...parts, body: { ...parts.body, ...fields } }));
}

/** The sampling seed that follows from `text`; a fixed one where the request cannot be read or its seed is none. */
function seedOf(text: string, nonce: string): string {
  try {
    const request = JSON.parse(text) as { seed?: JsonValue } | null;
    return deriveSeed(request?.seed, utf8(text), parseHex(nonce));
  } catch {
    return '0'.repeat(64);
  }
}

/** A receipt for another request, with the commitment and the seed that follow from it. What else follows may not be in the body. */
export async function withRequest(question: Live, log: Log, text: string): Promise<Question> {
  const { salt, body } = partsOf(question);
  const sampling = { ...(body.sampling as JsonObject), seed: seedOf(text, question.nonce) };
  const resealed = await withBody(question, log, { request: commit(parseHex(salt), 'request', utf8(text)), sampling });
  return { ...resealed, request: utf8(text) };
}

/** A receipt that commits to `content`, shown with `response`. */
export async function withResponse(question: Question, log: Log, content: string, response: string): Promise<Question> {
  const { salt, body } = partsOf(question);
  const data = outputCommitmentData(content, body.finish_reason as 'stop');
  const resealed = await withBody(question, log, { output: commit(parseHex(salt), 'output', data) });
  return { ...resealed, response: utf8(response) };
}

/** A receipt that discloses other ids and another trace, with commitments that fit. */
export function withDisclosure(
  question: Question,
  log: Log,
  disclosure: JsonObject,
  fields: JsonObject,
): Promise<Question> {
  return reseal(question, log, (parts) => {
    const salt = parseHex(parts.salt);
    const shown = { ...parts.disclosure, ...disclosure } as { completion: number[]; prompt: number[]; trace: string };
    const tokens = commit(
      salt,
      'tokens',
      tokensCommitmentData(shown.completion, parseBase64(shown.trace) ?? new Uint8Array()),
    );
    const prompt = commit(salt, 'prompt', encodeTokenIds(shown.prompt));
    return { ...parts, disclosure: { ...shown }, body: { ...parts.body, tokens, prompt, ...fields } };
  });
}

// How trust begins: a node shows what it is, a person agrees, a policy remembers. A key that changes later is refused, as SSH does.
import {
  encodeHex,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJson,
  RunproofError,
  sha256,
  utf8,
} from '@runproof/protocol';
import { ED25519, encodeVerifierKey, parsePolicy, parseVerifierKey } from '@runproof/tlog';
import type { FetchFunction } from './exchange.ts';
import { TRUST_INFO_BYTES_MAX, TRUST_INFO_MS_MAX } from './limits.ts';
import { readBounded } from './read-bounded.ts';

/** What `/.well-known/runproof.json` says (specs/receipt.md, Transport), and where it was found. A claim of the node, for a person to judge. */
export interface TrustInfo {
  /** origin of the node's URL, such as `http://127.0.0.1:8420` */
  readonly url: string;
  /** absolute URL of the log's static API */
  readonly logUrl: string;
  readonly origin: string;
  /** C2SP verifier key of the log */
  readonly vkey: string;
  readonly engine: { readonly build: string; readonly contract: string };
  readonly models: readonly { readonly digest: string; readonly name: string }[];
}

/** One line of what `extendPolicy` added, for a person. */
export interface PolicyChange {
  readonly kind: 'log' | 'model' | 'engine' | 'quorum';
  readonly line: string;
}

const FIELDS = ['engine', 'log', 'models', 'origin', 'policy', 'schema', 'vkey'];
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const NAME = /^[A-Za-z0-9._:/-]{1,128}$/;
const CONTRACT = /^[a-z0-9][a-z0-9.-]{0,63}$/;
const MODELS_MAX = 1024;

function malformed(what: string): RunproofError {
  return new RunproofError('UNTRUSTED', `runproof.json: ${what}.`);
}

function exactObject(value: JsonValue | undefined, names: readonly string[], place: string): JsonObject {
  if (!isJsonObject(value)) throw malformed(`${place} must be an object`);
  for (const name of Object.keys(value))
    if (!names.includes(name)) throw malformed(`${place} has the unknown field ${JSON.stringify(name)}`);
  for (const name of names) if (value[name] === undefined) throw malformed(`${place} lacks ${name}`);
  return value;
}

function matching(value: JsonValue | undefined, form: RegExp, place: string): string {
  if (typeof value !== 'string' || !form.test(value)) throw malformed(`${place} is malformed`);
  return value;
}

/**
 * Reads `/.well-known/runproof.json`, found at a node whose URL begins with `url` (`http://host:port`). Exact fields; the key must be that of
 * the origin. Throws `UNTRUSTED`, or the JSON error.
 */
export function parseTrustInfo(bytes: Uint8Array, url: string): TrustInfo {
  const record = exactObject(parseJson(bytes, { bytes: TRUST_INFO_BYTES_MAX, depth: 8 }), FIELDS, 'the document');
  if (record.schema !== 'runproof/node/1') throw malformed('schema must be runproof/node/1');
  const engine = exactObject(record.engine, ['build', 'contract'], 'engine');
  const vkey = matching(record.vkey, /^\S{1,512}$/, 'vkey');
  const origin = matching(record.origin, /^[^\s+]{1,256}$/, 'origin');
  const key = parseVerifierKey(vkey);
  if (key.name !== origin || key.type !== ED25519) throw malformed('the log key is not that of the origin');
  const models = record.models;
  if (!Array.isArray(models) || models.length > MODELS_MAX) throw malformed('models must be a list');
  return {
    url: new URL(url).origin,
    logUrl: new URL(matching(record.log, /^\/[A-Za-z0-9._~/-]{0,255}$/, 'log').replace(/^\/+/, '/'), url).href,
    origin,
    vkey,
    engine: {
      build: matching(engine.build, DIGEST, 'engine.build'),
      contract: matching(engine.contract, CONTRACT, 'engine.contract'),
    },
    models: (models as readonly JsonValue[]).map((model) => {
      const fields = exactObject(model, ['digest', 'name'], 'a model');
      return {
        digest: matching(fields.digest, DIGEST, 'model digest'),
        name: matching(fields.name, NAME, 'model name'),
      };
    }),
  };
}

/**
 * What the node at `url` says about itself. `url` may be the node's address or its API base (`…/v1`). Rejects with `UNTRUSTED` when
 * what answers is no node or its document is malformed, and with `UPSTREAM_UNREACHABLE` when nothing answers.
 * **Action:** show it to a person before `extendPolicy`.
 */
export async function fetchTrustInfo(url: string, options: { fetch?: FetchFunction } = {}): Promise<TrustInfo> {
  const send = options.fetch ?? ((input, init) => fetch(input, init));
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new RunproofError('UNTRUSTED', `${url} is not an http or https URL.`);
  const place = new URL('/.well-known/runproof.json', url).href;
  let bytes: Uint8Array;
  try {
    const response = await send(place, {
      redirect: 'error',
      signal: AbortSignal.timeout(TRUST_INFO_MS_MAX),
      headers: { accept: 'application/json' },
    });
    if (!response.ok) {
      response.body?.cancel().catch(() => {});
      throw new RunproofError(
        'UNTRUSTED',
        `${place} answered with status ${response.status}: this is not a Runproof node.`,
        { status: response.status },
      );
    }
    bytes = await readBounded(response.body, TRUST_INFO_BYTES_MAX, place);
  } catch (error) {
    if (RunproofError.isInstance(error)) throw error;
    throw new RunproofError('UPSTREAM_UNREACHABLE', `${place} cannot be reached.`, {}, { cause: error });
  }
  return parseTrustInfo(bytes, url);
}

/** Fingerprint of a log key for people to compare: `SHA256:` and the hex of SHA-256 over the verifier key text. */
export function keyFingerprint(vkey: string): string {
  return `SHA256:${encodeHex(sha256(utf8(vkey)))}`;
}

function changed(what: string, trusted: string, shown: string): RunproofError {
  const message = `${what} shows another log key than the one that the policy trusts: ${keyFingerprint(shown)}, trusted is ${keyFingerprint(trusted)}.`;
  return new RunproofError('TRUST_CHANGED', message, { trusted, shown });
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}

/**
 * `policyText` (null: none yet) with the lines that trust `info`: its log, its models, its engine contract. What is there stays as it is.
 * Throws `TRUST_CHANGED` when the policy has another key for the same origin or the same URL, and `POLICY_SYNTAX` for a damaged policy.
 */
export function extendPolicy(
  policyText: string | null,
  info: TrustInfo,
): { policy: string; changes: readonly PolicyChange[] } {
  const before = policyText === null ? null : parsePolicy(policyText);
  let known = false;
  for (const log of before?.logs ?? []) {
    const trusted = encodeVerifierKey(log.key);
    if (trusted === info.vkey) known = true;
    else if (log.key.name === info.origin) throw changed(info.origin, trusted, info.vkey);
    else if (log.url !== null && withoutSlash(log.url) === withoutSlash(info.logUrl))
      throw changed(info.logUrl, trusted, info.vkey);
  }
  const changes: PolicyChange[] = [];
  if (!known) changes.push({ kind: 'log', line: `log ${info.vkey} ${info.logUrl}` });
  for (const model of info.models) {
    const trusted = before?.models.some((line) => line.digest === model.digest) ?? false;
    if (!trusted) changes.push({ kind: 'model', line: `model ${model.digest} ${model.name}` });
  }
  if (!(before?.engines.includes(info.engine.contract) ?? false))
    changes.push({ kind: 'engine', line: `engine ${info.engine.contract}` });
  if (before === null) changes.push({ kind: 'quorum', line: 'quorum none' });
  const lines = changes.map((change) => `${change.line}\n`).join('');
  const head =
    policyText === null || policyText === '' || policyText.endsWith('\n') ? (policyText ?? '') : `${policyText}\n`;
  const policy = head + lines;
  parsePolicy(policy);
  return { policy, changes };
}

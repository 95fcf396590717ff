// One request and what is needed to check its answer.
import { RunproofError, utf8 } from '@runproof/protocol';
import type { Ed25519Verify } from '@runproof/tlog';
import { type Policy, type Replayer, type VerificationReport, verify } from '@runproof/verify';
import { VerificationError } from './errors.ts';
import { NONCE_BYTES, REQUEST_BYTES_MAX } from './limits.ts';
import { readBounded } from './read-bounded.ts';

export type FetchFunction = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** Everything that `runproof verify` needs to check the same answer again, offline. */
export interface Exchange {
  readonly url: string;
  /** hex, as it was sent in `Runproof-Nonce` */
  readonly nonce: string;
  /** exact bytes of the request body */
  readonly request: Uint8Array;
  /** exact bytes of the response body as the node sent it: JSON, or server-sent events up to `[DONE]` */
  readonly response: Uint8Array;
  /** bundle: canonical JSON */
  readonly receipt: Uint8Array;
}

/** How answers are checked. */
export interface CheckOptions {
  /** What is trusted: the text of a policy (specs/policy.md) or a parsed one. */
  readonly policy: Policy | string;
  /** Level that an answer must reach (default `sealed`); `replayed` needs `replay`. */
  readonly level?: 'sealed' | 'replayed';
  /** The verifier's own copy of the model. */
  readonly replay?: Replayer;
  /** The platform's own Ed25519, where it is faster than JavaScript; as in `verify`. */
  readonly ed25519?: Ed25519Verify;
  /** Told of every report, also of one that leads to an error, before the caller sees the answer's end. */
  readonly onReport?: (report: VerificationReport, exchange: Exchange) => void;
  /** Progress of a replay: tokens done of tokens in all. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Hex of fresh random bytes. A nonce is never used twice: a replayed receipt would match it. */
export function freshNonce(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}

/** The exact bytes that will be the body of the request. */
export async function requestBytes(
  input: string | URL | Request,
  init: RequestInit | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const body = init?.body ?? null;
  if (typeof body === 'string') {
    const bytes = utf8(body);
    if (bytes.length > REQUEST_BYTES_MAX) throw tooLarge();
    return bytes;
  }
  if (body !== null) return readBounded(new Response(body).body, REQUEST_BYTES_MAX, 'The request body');
  return input instanceof Request ? readBounded(input.body, REQUEST_BYTES_MAX, 'The request body') : new Uint8Array(0);
}

function tooLarge(): RunproofError {
  return new RunproofError('JSON_SIZE', `The request body is larger than ${REQUEST_BYTES_MAX} bytes.`, {
    bytes_max: REQUEST_BYTES_MAX,
  });
}

/**
 * Checks one exchange; returns when the answer holds at the level that was asked for, and throws `VerificationError` when not. `failed`
 * says that its reader sees an error in the place of its end.
 */
export async function checkExchange(exchange: Exchange, options: CheckOptions, failed = false): Promise<void> {
  const level = options.level ?? 'sealed';
  const report = await verify(exchange.receipt, {
    policy: options.policy,
    request: exchange.request,
    response: exchange.response,
    nonce: exchange.nonce,
    level,
    ...(options.replay === undefined ? {} : { replay: options.replay }),
    ...(options.ed25519 === undefined ? {} : { ed25519: options.ed25519 }),
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
  });
  options.onReport?.(report, exchange);
  const reached = report.level === 'replayed' || report.level === level;
  if (report.verdict !== 'valid' || !reached) throw VerificationError.fromReport(report);
  assertWhole(report, failed);
}

/**
 * A receipt may truthfully say that a run was cut. Who still reads did not go away, and a failure is told as one: an answer that ends so
 * and looks whole was cut by the node.
 */
function assertWhole(report: VerificationReport, failed: boolean): void {
  const reason = report.facts?.finish_reason;
  if (reason === 'stop' || reason === 'length' || (reason === 'error' && failed)) return;
  throw new VerificationError('VERIFY_FAILED', `The answer was cut: its receipt says ${reason}.`, report, {
    evidence: { failed: ['response.match'], missing: [], receipt: report.receipt },
  });
}

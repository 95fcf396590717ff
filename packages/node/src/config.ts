// What an operator may set. Checked once, when the node is made; every bound has a default that suits one machine.
import { RunproofError } from '@runproof/protocol';
import { z } from 'zod';

const count = (fallback: number): z.ZodDefault<z.ZodInt> => z.int().min(1).default(fallback);
const milliseconds = (fallback: number): z.ZodDefault<z.ZodInt> => z.int().min(1).max(86_400_000).default(fallback);

const limitsSchema = z.strictObject({
  /** runs that the engine works on at once */
  concurrencyMax: count(8),
  /** runs that may wait for their turn */
  waitingMax: z.int().min(0).default(64),
  /** bytes of one request body */
  bodyBytesMax: z
    .int()
    .min(1)
    .max(16 * 1024 * 1024)
    .default(4 * 1024 * 1024),
  /** bytes of all request bodies that are being read or held at once */
  bodyBytesTotalMax: count(256 * 1024 * 1024),
  /** longest wait for a turn */
  queueMsMax: milliseconds(30_000),
  /** from a run's turn to its first token: tokenising and prefill */
  firstTokenMsMax: milliseconds(120_000),
  /** between two tokens */
  tokenGapMsMax: milliseconds(60_000),
  /** a run as a whole, from its turn to its last token */
  runMsMax: milliseconds(600_000),
  /** how long a client may leave a full stream buffer unread */
  stallMsMax: milliseconds(60_000),
  /** how long an engine may take to obey an abort before the node gives it up */
  abortMsMax: milliseconds(5_000),
  /** bytes of a stream that may wait for a slow client */
  streamBufferBytes: count(1024 * 1024),
});

const infoSchema = z.strictObject({
  /** version of the program, shown to people */
  version: z.string().max(64).default('0.1.0'),
  /** Browsers' origins that may read answers: all, or these. Credentials are never allowed. */
  corsOrigins: z.union([z.literal('*'), z.array(z.url()).max(64)]).default('*'),
  /**
   * Who may fetch a bundle. `anyone`: whoever has the id. `nonce-holder`: who also sends the run's nonce in `Runproof-Nonce`.
   * The ids of all receipts can be computed from the public log, and a bundle holds prompt and answer as token ids: with `anyone`,
   * every reader of the log reads every conversation.
   */
  receiptAccess: z.enum(['anyone', 'nonce-holder']).default('nonce-holder'),
});

export type NodeLimits = Readonly<z.infer<typeof limitsSchema>>;
export type NodeLimitsInput = z.input<typeof limitsSchema>;
export type NodeInfo = Readonly<z.infer<typeof infoSchema>>;
export type NodeInfoInput = z.input<typeof infoSchema>;

function parseWith<Output>(schema: z.ZodType<Output>, value: unknown, what: string): Output {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const path = [what, ...(issue?.path ?? [])].join('.');
  throw new RunproofError(
    'CONFIG_INVALID',
    `${path}: ${issue?.message ?? 'invalid'}.`,
    { setting: path },
    { cause: parsed.error },
  );
}

/** Limits with their defaults; `CONFIG_INVALID` names the first setting that is wrong. */
export function parseLimits(value: NodeLimitsInput = {}): NodeLimits {
  return parseWith(limitsSchema, value, 'limits');
}

/** Info with its defaults; `CONFIG_INVALID` names the first setting that is wrong. */
export function parseInfo(value: NodeInfoInput = {}): NodeInfo {
  return parseWith(infoSchema, value, 'info');
}

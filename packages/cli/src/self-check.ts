// One real run through the whole path, before anybody else is let in: HTTP, engine, log, receipt, verification, replay.
import { type FetchFunction, verifiedFetch } from '@runproof/client';
import { RunproofError } from '@runproof/protocol';
import type { Replayer, VerificationReport } from '@runproof/verify';
import { platformEd25519 } from './platform-ed25519.ts';

const TOKENS = 24;
const PROMPT = 'Tell me a short story.';
const MS_MAX = 300_000;

export interface SelfCheck {
  readonly tokens: number;
  readonly receipt: string;
}

/** Asks the node at `url` for an answer and verifies it at level `replayed`. Rejects when anything does not hold. */
export async function selfCheck(options: {
  readonly url: string;
  readonly model: string;
  readonly policy: string;
  readonly replay: Replayer;
  readonly fetch?: FetchFunction;
}): Promise<SelfCheck> {
  let report: VerificationReport | null = null;
  const send = verifiedFetch({
    policy: options.policy,
    level: 'replayed',
    ed25519: platformEd25519,
    replay: options.replay,
    onReport: (made) => {
      report = made;
    },
    ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
  });
  const response = await send(`${options.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: options.model, messages: [{ role: 'user', content: PROMPT }], max_tokens: TOKENS }),
    signal: AbortSignal.timeout(MS_MAX),
  });
  const text = await response.text();
  if (!response.ok)
    throw new RunproofError(
      'INTERNAL',
      `The node answered its own question with status ${response.status}: ${text.slice(0, 500)}`,
    );
  return checked(report);
}

function checked(report: VerificationReport | null): SelfCheck {
  if (report === null || report.level !== 'replayed' || report.facts === undefined || report.receipt === null) {
    throw new RunproofError('INTERNAL', 'The self-check was not replayed.');
  }
  return { tokens: report.facts.completion_tokens, receipt: report.receipt };
}

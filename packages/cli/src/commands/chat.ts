// runproof chat: talk to a model, and see each answer proved.
import { createInterface } from 'node:readline/promises';
import { type Exchange, fetchTrustInfo, type TrustInfo, verifiedFetch } from '@runproof/client';
import { explainError, RunproofError, StreamReader } from '@runproof/protocol';
import type { VerificationReport } from '@runproof/verify';
import { ChatProof } from '../chat-proof.ts';
import { dataDirectory } from '../data-directory.ts';
import { readStandardInput, UsageError } from '../files.ts';
import { platformEd25519 } from '../platform-ed25519.ts';
import { extendPolicyFile } from '../policy-file.ts';
import { printable, type Terminal } from '../terminal.ts';
import { trustCommand } from './trust.ts';

export interface ChatCommandOptions {
  readonly url: string;
  readonly policy?: string;
  readonly data?: string;
  readonly temperature: number;
  readonly topP?: number;
  readonly maxTokens?: number;
  readonly seed?: number;
  readonly system?: string;
  /** false: `--no-replay` */
  readonly replay: boolean;
  readonly model?: string;
  readonly threads?: number;
  readonly save?: string;
}

interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

interface Answer {
  readonly content: string;
  readonly report: VerificationReport;
  readonly exchange: Exchange;
}

/** Policy text that trusts the node; asks first where it does not yet. */
async function trustedPolicy(
  url: string,
  options: ChatCommandOptions,
  terminal: Terminal,
): Promise<{ info: TrustInfo; policy: string }> {
  const path = options.policy ?? dataDirectory(options.data).policy;
  const info = await fetchTrustInfo(url);
  const { policy, changes } = await extendPolicyFile(path, info);
  if (changes.length === 0) return { info, policy };
  if (!terminal.interactive)
    throw new RunproofError(
      'UNTRUSTED',
      `${path} does not trust ${info.origin} with what it shows now; look at it with: npx runproof trust ${url}.`,
    );
  terminal.note(`${path} does not trust this node yet.\n`);
  if ((await trustCommand(url, options, terminal)) !== 0)
    throw new RunproofError('UNTRUSTED', 'You did not trust this node.');
  const agreed = await extendPolicyFile(path, info);
  // The node may have shown the person something else than what it had shown before.
  if (agreed.changes.length > 0)
    throw new RunproofError('UNTRUSTED', `${info.origin} showed you something else than it had shown before.`);
  return { info, policy: agreed.policy };
}

function requestBody(model: string, messages: readonly Message[], options: ChatCommandOptions): string {
  const { temperature, topP, maxTokens, seed } = options;
  return JSON.stringify({ model, messages, stream: true, temperature, top_p: topP, max_tokens: maxTokens, seed });
}

/** The node's own words for an error status. */
async function refusal(response: Response): Promise<RunproofError> {
  const text = (await response.text()).slice(0, 10_000);
  let message = text;
  try {
    message = String((JSON.parse(text) as { error?: { message?: unknown } }).error?.message ?? text);
  } catch {
    // Not JSON: the text itself says what there is to say.
  }
  return new RunproofError(
    'UPSTREAM_UNREACHABLE',
    `The node answered with status ${response.status}: ${printable(message)}`,
    { status: response.status },
  );
}

/** One answer, written as it arrives. Rejects with `VerificationError` when its receipt does not hold. */
async function ask(
  body: string,
  url: string,
  policy: string,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Answer> {
  let made: { report: VerificationReport; exchange: Exchange } | null = null;
  const send = verifiedFetch({
    policy,
    ed25519: platformEd25519,
    onReport: (report, exchange) => {
      made = { report, exchange };
    },
  });
  const response = await send(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    signal,
  });
  if (!response.ok || response.body === null) throw await refusal(response);
  const reader = new StreamReader('chat.completion');
  try {
    for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>)
      terminal.write(printable(reader.push(bytes)));
  } finally {
    if (reader.content !== '') terminal.write('\n');
  }
  if (reader.error !== null)
    throw new RunproofError('UPSTREAM_UNREACHABLE', `The run failed: ${printable(String(reader.error.message))}`);
  return { content: reader.content, ...assertMade(made) };
}

function assertMade(made: { report: VerificationReport; exchange: Exchange } | null): {
  report: VerificationReport;
  exchange: Exchange;
} {
  if (made === null) throw new RunproofError('INTERNAL', 'An answer passed without a report.');
  return made;
}

interface Conversation {
  say(text: string, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

function openConversation(
  url: string,
  trusted: { info: TrustInfo; policy: string },
  options: ChatCommandOptions,
  terminal: Terminal,
): Conversation {
  const model = trusted.info.models[0];
  if (model === undefined) throw new RunproofError('MODEL_NOT_FOUND', 'This node names no model.');
  const proof = new ChatProof({ ...options, policy: trusted.policy, digest: model.digest }, terminal);
  const messages: Message[] = options.system === undefined ? [] : [{ role: 'system', content: options.system }];
  return {
    async say(text, signal) {
      const asked: Message = { role: 'user', content: text };
      const answer = await ask(
        requestBody(model.name, [...messages, asked], options),
        url,
        trusted.policy,
        terminal,
        signal,
      );
      messages.push(asked, { role: 'assistant', content: answer.content });
      await proof.show(answer.report, answer.exchange);
    },
    close: () => proof.close(),
  };
}

/** Lines until the end of the input. Ctrl-C stops an answer, and ends the conversation between answers. */
async function converse(conversation: Conversation, terminal: Terminal): Promise<void> {
  const reader = createInterface({ input: process.stdin, output: process.stderr, prompt: '> ' });
  let running: AbortController | null = null;
  reader.on('SIGINT', () => (running === null ? reader.close() : running.abort()));
  reader.prompt();
  for await (const line of reader) {
    if (line.trim() !== '') {
      running = new AbortController();
      try {
        await conversation.say(line, running.signal);
      } catch (error) {
        // A conversation goes on after one answer that failed; a receipt that does not hold is said aloud.
        if (running.signal.aborted) terminal.note('Stopped.');
        else if (RunproofError.isInstance(error)) terminal.note(terminal.err.bad(explainError(error)));
        else throw error;
      }
      running = null;
    }
    reader.prompt();
  }
}

/** One message, or a conversation. Exit code 0; a receipt that does not hold rejects. */
export async function chatCommand(
  message: string | undefined,
  options: ChatCommandOptions,
  terminal: Terminal,
): Promise<number> {
  const url = options.url.replace(/\/+$/, '').replace(/\/v1$/, '');
  const trusted = await trustedPolicy(url, options, terminal);
  const conversation = openConversation(url, trusted, options, terminal);
  try {
    if (message === undefined && terminal.interactive) await converse(conversation, terminal);
    else {
      const text = message ?? new TextDecoder().decode(await readStandardInput()).trim();
      if (text === '') throw new UsageError('There is nothing to say: give a message, or pipe one in.');
      await conversation.say(text, new AbortController().signal);
    }
  } finally {
    await conversation.close();
  }
  return 0;
}

// OpenAI's response objects, for both calls, plain and streamed.
import type { FinishReason, Operation } from '@runproof/protocol';
import type { TokenLogprob } from '../ports.ts';
import type { TokenEvent } from '../run/execute.ts';

export interface ResponseHead {
  readonly operation: Operation;
  readonly id: string;
  readonly createdSeconds: number;
  readonly model: string;
  /** names the engine's code, as OpenAI's system_fingerprint does */
  readonly fingerprint: string;
}

interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

export function usageOf(promptTokens: number, completionTokens: number): Usage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

type Logprob = NonNullable<TokenEvent['logprob']>;

/** A token may hold a part of a character: its text is then shown with replacement characters, its bytes exactly. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

function chatEntry(token: TokenLogprob): object {
  return { token: decoder.decode(token.bytes), logprob: token.logprob, bytes: [...token.bytes], id: token.id };
}

/** Collects the logprobs of a run in the form of its call; `take` empties the collection, as each chunk of a stream does. */
interface LogprobWriter {
  add(logprob: Logprob): void;
  take(): object | null;
}

class ChatLogprobs implements LogprobWriter {
  #content: object[] = [];

  add(logprob: Logprob): void {
    this.#content.push({ ...chatEntry(logprob), top_logprobs: logprob.top.map(chatEntry) });
  }

  take(): object | null {
    const content = this.#content;
    this.#content = [];
    return content.length === 0 ? null : { content, refusal: null };
  }
}

class TextLogprobs implements LogprobWriter {
  #offset = 0;
  #tokens: string[] = [];
  #values: number[] = [];
  #top: object[] = [];
  #offsets: number[] = [];

  /** The chosen token is always among the alternatives, as in OpenAI's form, so that there may be one more than were asked for. */
  add(logprob: Logprob): void {
    const text = decoder.decode(logprob.bytes);
    const top: Record<string, number> = Object.create(null) as Record<string, number>;
    for (const token of [logprob, ...logprob.top]) top[decoder.decode(token.bytes)] ??= token.logprob;
    this.#tokens.push(text);
    this.#values.push(logprob.logprob);
    this.#top.push(top);
    this.#offsets.push(this.#offset);
    this.#offset += text.length;
  }

  take(): object | null {
    if (this.#tokens.length === 0) return null;
    const taken = {
      tokens: this.#tokens,
      token_logprobs: this.#values,
      top_logprobs: this.#top,
      text_offset: this.#offsets,
    };
    [this.#tokens, this.#values, this.#top, this.#offsets] = [[], [], [], []];
    return taken;
  }
}

export function createLogprobWriter(operation: Operation): LogprobWriter {
  return operation === 'chat.completion' ? new ChatLogprobs() : new TextLogprobs();
}

const OBJECTS = {
  'chat.completion': { plain: 'chat.completion', chunk: 'chat.completion.chunk' },
  'text.completion': { plain: 'text_completion', chunk: 'text_completion' },
} as const;

function head(shape: ResponseHead, object: string): object {
  return {
    id: shape.id,
    object,
    created: shape.createdSeconds,
    model: shape.model,
    system_fingerprint: shape.fingerprint,
  };
}

/** The whole answer of a run that ended well. */
export function plainResponse(
  shape: ResponseHead,
  text: string,
  reason: FinishReason,
  logprobs: object | null,
  usage: Usage,
): string {
  const choice =
    shape.operation === 'chat.completion'
      ? { index: 0, message: { role: 'assistant', content: text, refusal: null }, logprobs, finish_reason: reason }
      : { index: 0, text, logprobs, finish_reason: reason };
  return JSON.stringify({ ...head(shape, OBJECTS[shape.operation].plain), choices: [choice], usage });
}

/** Writes the events of one stream. Everything that is the same in every chunk is encoded once. */
export class ChunkWriter {
  readonly #chat: boolean;
  readonly #prefix: string;
  readonly #suffix: string;
  #first = true;

  constructor(shape: ResponseHead, includeUsage: boolean) {
    this.#chat = shape.operation === 'chat.completion';
    this.#prefix = `data: ${JSON.stringify(head(shape, OBJECTS[shape.operation].chunk)).slice(0, -1)},"choices":[`;
    this.#suffix = includeUsage ? '],"usage":null}\n\n' : ']}\n\n';
  }

  /** One piece of text. The first one of a chat carries the role. */
  delta(text: string, logprobs: object | null): string {
    const role = this.#first ? '"role":"assistant",' : '';
    this.#first = false;
    const content = JSON.stringify(text);
    const payload = this.#chat ? `"delta":{${role}"content":${content}}` : `"text":${content}`;
    return this.#choice(payload, logprobs, 'null');
  }

  /** The end of choice 0. */
  finish(reason: FinishReason): string {
    return this.#choice(this.#chat ? '"delta":{}' : '"text":""', null, `"${reason}"`);
  }

  /** The last chunk: no choice, the receipt, and the usage where it was asked for (specs/receipt.md, Transport). */
  receipt(bundle: string, usage: Usage | null): string {
    const counted = usage === null ? '' : `,"usage":${JSON.stringify(usage)}`;
    return `${this.#prefix}]${counted},"runproof":{"receipt":${bundle}}}\n\n`;
  }

  #choice(payload: string, logprobs: object | null, reason: string): string {
    return `${this.#prefix}{"index":0,${payload},"logprobs":${JSON.stringify(logprobs)},"finish_reason":${reason}}${this.#suffix}`;
  }
}

export const STREAM_DONE = 'data: [DONE]\n\n';

/** Stands in the place of `[DONE]`: the official SDKs throw when they read it. */
export function errorEvent(error: object): string {
  return `data: ${JSON.stringify({ error })}\n\n`;
}

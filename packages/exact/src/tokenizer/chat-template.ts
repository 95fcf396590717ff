// The chat template that a GGUF file carries, rendered to prompt ids (specs/exact-1.md §12.5).
import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import { RunproofError } from '@runproof/protocol';
import type { ChatMessage, ChatTemplate } from '../interfaces.ts';
import { formatMoment } from './calendar.ts';
import { type Metadata, optionalString } from './metadata.ts';
import type { TemplateTokenizer } from './tokenizer.ts';
import { holdsMarks, markUserText, unmark } from './user-text.ts';

export const TEMPLATE_LIMITS = {
  /** UTF-16 units of the template */
  templateLength: 2 ** 20,
  /** UTF-16 units of a rendered prompt */
  promptLength: 2 ** 24,
  messages: 4096,
  /** numbers that one call of `range` may give */
  rangeLength: 65_536,
} as const;

/** What `strftime_now` shows under contract exact-1: 2024-07-26T00:00:00Z, in milliseconds since 1970 (specs/exact-1.md §12.5). */
export const TEMPLATE_CLOCK_MS = 1_721_952_000_000;

const KEY = 'tokenizer.chat_template';
const ROLE = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

type Program = ReturnType<typeof parse>;

function refuse(message: string, cause?: unknown): RunproofError {
  return new RunproofError('MODEL_TEMPLATE', message, {}, { cause });
}

/** What the template itself says through `raise_exception`. */
class TemplateRefusal extends Error {}

function range(first: number, second?: number, step = 1): number[] {
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (!(length <= TEMPLATE_LIMITS.rangeLength)) throw refuse('the chat template counts too far');
  return Array.from({ length }, (_, index) => start + index * step);
}

function createEnvironment(variables: Readonly<Record<string, unknown>>, clockMs: number): Environment {
  const environment = new Environment();
  const globals = {
    ...{ true: true, false: false, none: null, True: true, False: false, None: null },
    range,
    raise_exception(message: unknown): never {
      throw new TemplateRefusal(String(message));
    },
    strftime_now: (format: unknown): string => formatMoment(clockMs, String(format)),
    ...variables,
  };
  for (const [name, value] of Object.entries(globals)) environment.set(name, value);
  return environment;
}

function parseTemplate(source: string): Program {
  if (source.length > TEMPLATE_LIMITS.templateLength)
    throw refuse(`the model's chat template is longer than ${TEMPLATE_LIMITS.templateLength} characters`);
  if (holdsMarks(source)) throw refuse("the model's chat template holds the noncharacter U+FDD0 or U+FDD1");
  try {
    return parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
  } catch (error) {
    throw refuse(`the model's chat template cannot be read: ${messageOf(error)}`, error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function render(program: Program, environment: Environment): string {
  let value: unknown;
  try {
    value = new Interpreter(environment).run(program).value;
  } catch (error) {
    if (RunproofError.isInstance(error)) throw error;
    if (error instanceof TemplateRefusal) throw refuse(`the model's chat template says: ${error.message}`, error);
    throw refuse(`the model's chat template failed: ${messageOf(error)}`, error);
  }
  if (typeof value !== 'string') throw refuse("the model's chat template gave no text");
  if (value.length > TEMPLATE_LIMITS.promptLength)
    throw refuse(`the prompt is longer than ${TEMPLATE_LIMITS.promptLength} characters`);
  return value;
}

function checkMessages(messages: readonly ChatMessage[]): void {
  if (messages.length > TEMPLATE_LIMITS.messages)
    throw refuse(`${messages.length} messages, at most ${TEMPLATE_LIMITS.messages} are allowed`);
  let length = 0;
  for (const { role, content } of messages) {
    if (!ROLE.test(role)) throw refuse('a role is a word of letters, digits, _ and -');
    length += content.length;
  }
  if (length > TEMPLATE_LIMITS.promptLength)
    throw refuse(`the messages are longer than ${TEMPLATE_LIMITS.promptLength} characters`);
}

/**
 * The chat template of a model. `tokenizer` comes from `createTokenizer` on the same metadata; `clockMs` is what `strftime_now` shows, in
 * milliseconds since 1970-01-01T00:00:00Z; the contract says `TEMPLATE_CLOCK_MS`. Nothing is thrown here, so that a model without a
 * usable template still completes plain text; `encode` throws `MODEL_TEMPLATE` with the reason.
 */
export function createChatTemplate(
  metadata: Metadata,
  tokenizer: TemplateTokenizer,
  options: { clockMs: number },
): ChatTemplate {
  const controls = tokenizer.specialTokens.filter((token) => token.control);
  let program: Program | null = null;
  return {
    encode(messages, { addGenerationPrompt }) {
      const source = optionalString(metadata, KEY);
      if (source === null) throw refuse('this model has no chat template: use /v1/completions with a plain prompt');
      program ??= parseTemplate(source);
      checkMessages(messages);
      const environment = createEnvironment(
        {
          messages: messages.map(({ role, content }) => ({ role, content: markUserText(content, controls) })),
          add_generation_prompt: addGenerationPrompt,
          bos_token: tokenizer.bosSpelling,
          eos_token: tokenizer.eosSpelling,
        },
        options.clockMs,
      );
      const { text, userEnds } = unmark(render(program, environment));
      return tokenizer.encodeMarked(text, userEnds);
    },
  };
}

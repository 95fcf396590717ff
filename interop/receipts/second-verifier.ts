// Both verifiers over the same questions: ours, and peers/receipt-python, which was written from the specs alone.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { encodeBase64, RunproofError } from '@runproof/protocol';
import { verify } from '@runproof/verify';

export const PEER = fileURLToPath(new URL('../peers/receipt-python', import.meta.url));

/** What is given to a verifier. */
export interface Question {
  readonly bundle: Uint8Array;
  readonly policy: string;
  readonly request?: Uint8Array;
  readonly response?: Uint8Array;
  readonly nonce?: string;
}

/** What both verifiers must say alike: the part of a report that programs act on, or the code of a policy that cannot be read. */
export type Answer =
  | {
      readonly verdict: string;
      readonly level: string;
      readonly receipt: string | null;
      readonly missing: readonly string[];
      readonly failed: readonly string[];
    }
  | { readonly error: string };

export async function ourAnswer({ bundle, policy, request, response, nonce }: Question): Promise<Answer> {
  try {
    const { verdict, level, receipt, missing, failed } = await verify(bundle, {
      policy,
      ...(request === undefined ? {} : { request }),
      ...(response === undefined ? {} : { response }),
      ...(nonce === undefined ? {} : { nonce }),
    });
    return { verdict, level, receipt, missing: [...missing], failed: [...failed] };
  } catch (error) {
    if (error instanceof RunproofError) return { error: error.code };
    throw error;
  }
}

export function runPeer(
  program: string,
  args: readonly string[],
  input = '',
): { status: number | null; output: string } {
  const { status, stdout, stderr, error } = spawnSync('python3', ['-B', `${PEER}/${program}`, ...args], {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (error !== undefined) throw new Error(`python3 could not be started: ${error.message}`);
  if (stderr !== '') throw new Error(`the Python peer failed: ${stderr}`);
  return { status, output: stdout };
}

export function theirAnswers(questions: readonly Question[]): Answer[] {
  const lines = questions.map(({ bundle, policy, request, response, nonce }) =>
    JSON.stringify({
      base64: true,
      bundle: encodeBase64(bundle),
      policy,
      ...(request === undefined ? {} : { request: encodeBase64(request) }),
      ...(response === undefined ? {} : { response: encodeBase64(response) }),
      ...(nonce === undefined ? {} : { nonce }),
    }),
  );
  const { output } = runPeer('verify.py', [], `${lines.join('\n')}\n`);
  return output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer);
}

// What runs in the page of the browser lane: the client, as an application would use it. The lane calls `askInPage`.
import { VerificationError, verifiedFetch } from '@runproof/client';
import { RunproofError } from '@runproof/protocol';
import type { VerificationReport } from '@runproof/verify';

export interface PageQuestion {
  /** where the node, or who stands before it, listens */
  readonly url: string;
  readonly policy: string;
  readonly path: string;
  readonly request: object;
  readonly strict: boolean;
}

export interface PageAnswer {
  /** the report of the client, where it came to one */
  readonly report: VerificationReport | null;
  /** how the call ended: null, or the error's code and what it names */
  readonly error: { readonly code: string; readonly failed: unknown; readonly missing: unknown } | null;
  /** what the application got to see, piece by piece */
  readonly pieces: readonly string[];
}

function describeError(error: unknown): PageAnswer['error'] {
  if (error instanceof VerificationError || error instanceof RunproofError) {
    const { code, evidence } = error;
    return { code, failed: evidence.failed ?? [], missing: evidence.missing ?? [] };
  }
  return { code: String(error), failed: [], missing: [] };
}

async function askInPage({ url, policy, path, request, strict }: PageQuestion): Promise<PageAnswer> {
  let report: VerificationReport | null = null;
  const pieces: string[] = [];
  try {
    const checked = verifiedFetch({
      policy,
      strict,
      onReport: (given) => {
        report = given;
      },
    });
    const headers = { 'Content-Type': 'application/json', Authorization: 'Bearer none' };
    const response = await checked(url + path, { method: 'POST', headers, body: JSON.stringify(request) });
    if (!response.ok) throw new Error(`status ${response.status}: ${await response.text()}`);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const decoder = new TextDecoder();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      pieces.push(decoder.decode(value, { stream: true }));
    }
    return { report, error: null, pieces };
  } catch (error) {
    return { report, error: describeError(error), pieces };
  }
}

Object.assign(globalThis, { askInPage });

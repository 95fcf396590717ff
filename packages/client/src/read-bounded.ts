// Bodies of other people's responses, never more of them than a limit.
import { RunproofError } from '@runproof/protocol';

/** All `parts`, one after the other. Takes a list of any length, which a call with spread arguments would not. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** All bytes of `body`; `JSON_SIZE` as soon as there are more than `bytesMax`. */
export async function readBounded(
  body: ReadableStream<Uint8Array> | null,
  bytesMax: number,
  what: string,
): Promise<Uint8Array<ArrayBuffer>> {
  if (body === null) return new Uint8Array(0);
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return joinBytes(chunks);
    total += value.length;
    if (total > bytesMax) {
      // The sender may have much more; nothing of it is wanted, and its answer to the cancellation is not either.
      reader.cancel().catch(() => {});
      throw new RunproofError('JSON_SIZE', `${what} is larger than ${bytesMax} bytes.`, { bytes_max: bytesMax });
    }
    chunks.push(value);
  }
}

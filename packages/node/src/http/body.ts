// Request bodies: read once, exactly, and never more of them than the limits allow.
import { concatBytes, RunproofError } from '@runproof/protocol';

/** How much memory the bodies of all requests may take together. */
export interface BodyBudget {
  /** Throws `OVERLOADED` when `bytes` more would be too many; the function that it returns gives them back. */
  take(bytes: number): () => void;
}

export function createBodyBudget(totalMax: number): BodyBudget {
  let taken = 0;
  return {
    take(bytes) {
      if (taken + bytes > totalMax) {
        throw new RunproofError('OVERLOADED', 'Too many large requests at once.', { retry_after_seconds: 1 });
      }
      taken += bytes;
      let given = false;
      return () => {
        if (!given) taken -= bytes;
        given = true;
      };
    },
  };
}

function tooLarge(bytesMax: number): RunproofError {
  return new RunproofError('JSON_SIZE', `The request body is larger than ${bytesMax} bytes.`, { bytes_max: bytesMax });
}

/** Bytes that the header announces, or null; `JSON_SIZE` when they are too many. */
export function announcedLength(request: Request, bytesMax: number): number | null {
  const header = request.headers.get('content-length');
  if (header === null || !/^\d{1,15}$/.test(header)) return null;
  if (Number(header) > bytesMax) throw tooLarge(bytesMax);
  return Number(header);
}

/** `application/json`, in UTF-8 and not compressed: the commitment is over the bytes as they came. */
export function assertJsonContent(request: Request): void {
  const type = request.headers.get('content-type') ?? '';
  if (!/^application\/json *(?:; *charset="?utf-8"? *)?$/i.test(type)) {
    throw new RunproofError('CONTENT_TYPE_UNSUPPORTED', 'The request body must be application/json.');
  }
  const encoding = request.headers.get('content-encoding');
  if (encoding !== null && encoding.toLowerCase() !== 'identity') {
    throw new RunproofError('CONTENT_TYPE_UNSUPPORTED', 'A compressed request body is not supported.');
  }
}

async function readChunks(body: ReadableStream<Uint8Array>, bytesMax: number): Promise<Uint8Array> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return chunks.length === 1 ? (chunks[0] ?? new Uint8Array()) : concatBytes(...chunks);
    total += value.length;
    if (total > bytesMax) {
      // The client is still sending: what it has left is not worth waiting for.
      reader.cancel().catch(() => {});
      throw tooLarge(bytesMax);
    }
    chunks.push(value);
  }
}

/**
 * The exact bytes of the body, at most `bytesMax`. Throws `JSON_SIZE`, or `ABORTED` when the client went away while sending.
 * A body whose length was announced is taken in one piece: the HTTP parser holds it to that length.
 */
export async function readBody(request: Request, bytesMax: number): Promise<Uint8Array> {
  const announced = announcedLength(request, bytesMax);
  try {
    if (announced !== null) {
      const bytes = new Uint8Array(await request.arrayBuffer());
      if (bytes.length > bytesMax) throw tooLarge(bytesMax);
      return bytes;
    }
    return request.body === null ? new Uint8Array() : await readChunks(request.body, bytesMax);
  } catch (error) {
    if (RunproofError.isInstance(error)) throw error;
    throw new RunproofError('ABORTED', 'The client went away while sending its request.', {}, { cause: error });
  }
}

// One test per vector of JSON, requests, receipts and bundles; and the vectors are what their program writes.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type CommitmentField,
  commit,
  commitmentKey,
  effectiveSampling,
  encodeCanonicalJson,
  encodeHex,
  isJsonObject,
  type JsonObject,
  type Operation,
  parseBase64,
  parseCanonicalJson,
  parseHex,
  parseJson,
  parseReceiptBody,
  promptOfRequest,
  RunproofError,
  receiptEntry,
  receiptId,
  utf8,
} from '@runproof/protocol';
import { verify } from '@runproof/verify';
import { describe, expect, it } from 'vitest';
import { differences, generateVectors } from './generate.ts';

const ROOT = dirname(fileURLToPath(import.meta.url));

function readVector<T>(path: string): T {
  return JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as T;
}

function casesOf<T extends { name?: string; text?: string; field?: string }>(path: string): [string, T][] {
  return readVector<{ cases: T[] }>(path).cases.map((item) => [
    item.name ?? item.field ?? JSON.stringify(item.text),
    item,
  ]);
}

function codeOf(run: () => unknown): { code: string; parameter?: unknown } {
  try {
    run();
  } catch (error) {
    if (RunproofError.isInstance(error)) return { code: error.code, parameter: error.evidence.parameter };
    throw error;
  }
  return { code: 'no error' };
}

it('all vectors are what their program writes', async () => {
  expect(differences(await generateVectors())).toEqual([]);
});

describe('json', () => {
  it.each(casesOf<{ name: string; text: string; canonical: string }>('json/valid/parse.json'))(
    '%s',
    (_name, { text, canonical }) => {
      expect(encodeCanonicalJson(parseJson(text))).toBe(canonical);
    },
  );

  it.each(casesOf<{ name: string; base64: string; code: string }>('json/invalid/parse.json'))(
    'refuses: %s',
    (_name, { base64, code }) => {
      const bytes = parseBase64(base64);
      if (bytes === null) throw new Error('the vector is not base64');
      expect(codeOf(() => parseJson(bytes)).code).toBe(code);
    },
  );

  it.each(casesOf<{ text: string }>('json/valid/canonical.json'))('canonical: %s', (_name, { text }) => {
    expect(encodeCanonicalJson(parseCanonicalJson(text))).toBe(text);
  });

  it.each(casesOf<{ text: string; code: string }>('json/invalid/canonical.json'))(
    'not canonical: %s',
    (_name, { text, code }) => {
      expect(codeOf(() => parseCanonicalJson(text)).code).toBe(code);
    },
  );
});

interface RequestCase {
  readonly name: string;
  readonly operation: Operation;
  readonly request: string;
  readonly nonce: string;
  readonly max_tokens_available: number;
}

function readRequest({ operation, request, nonce, max_tokens_available: maxTokensAvailable }: RequestCase): {
  prompt: unknown;
  sampling: unknown;
} {
  const value = parseJson(request);
  if (!isJsonObject(value)) throw new Error('a request is an object');
  const prompt = promptOfRequest(operation, value);
  return { prompt, sampling: effectiveSampling(value, { requestBytes: utf8(request), nonce, maxTokensAvailable }) };
}

describe('request', () => {
  it.each(casesOf<RequestCase & { sampling: object; prompt: object }>('request/valid/effective.json'))(
    '%s',
    (_name, item) => {
      expect(readRequest(item)).toEqual({ prompt: item.prompt, sampling: item.sampling });
    },
  );

  it.each(casesOf<RequestCase & { code: string; parameter: string }>('request/invalid/effective.json'))(
    'refuses: %s',
    (_name, item) => {
      expect(codeOf(() => readRequest(item))).toEqual({ code: item.code, parameter: item.parameter });
    },
  );
});

describe('receipt', () => {
  it.each(casesOf<{ name: string; body: string; salt: string; entry: string; id: string }>('receipt/valid/body.json'))(
    '%s',
    (_name, item) => {
      expect(encodeCanonicalJson(parseReceiptBody(parseCanonicalJson(item.body)))).toBe(item.body);
      const entry = receiptEntry(utf8(item.body), parseHex(item.salt));
      expect({ entry: encodeHex(entry), id: receiptId(entry) }).toEqual({ entry: item.entry, id: item.id });
    },
  );

  it.each(casesOf<{ name: string; body: string; code: string }>('receipt/invalid/body.json'))(
    'refuses a wrong %s',
    (_name, { body, code }) => {
      expect(codeOf(() => parseReceiptBody(parseCanonicalJson(body))).code).toBe(code);
    },
  );

  it.each(
    casesOf<{ field: CommitmentField; salt: string; data: string; key: string; commitment: string }>(
      'receipt/valid/commitments.json',
    ),
  )('commitment of %s', (_name, { field, salt, data, key, commitment }) => {
    expect(encodeHex(commitmentKey(parseHex(salt), field))).toBe(key);
    expect(commit(parseHex(salt), field, parseHex(data))).toBe(commitment);
  });
});

interface BundleCase {
  readonly comment: string;
  readonly bundle: string;
  readonly policy: string;
  readonly request: string;
  readonly response: string;
  readonly nonce: string;
  readonly report: JsonObject;
}

describe.each(['valid', 'invalid'])('bundle, %s', (kind) => {
  const paths = readdirSync(join(ROOT, 'bundle', kind)).map((name) => `bundle/${kind}/${name}`);

  it.each(paths)('%s', async (path) => {
    const { bundle, policy, request, response, nonce, report } = readVector<BundleCase>(path);
    const { verdict, level, receipt, failed } = await verify(bundle, {
      policy,
      request: utf8(request),
      response: utf8(response),
      nonce,
    });
    expect({ verdict, level, receipt, failed }).toEqual(report);
    expect(verdict).toBe(kind);
  });
});

// Vectors of whole verifications: vectors/bundle/{valid,invalid}/*.json. The invalid ones are the lies of the tamper
// table that show without the model.
import { encodeBundle } from '@runproof/protocol';
import { type VerifyOptions, verify } from '@runproof/verify';
import { type Exchange, serve, WITNESS } from '../../packages/verify/test/honest-node.ts';
import { disclosures } from '../../packages/verify/test/lies-replayed.ts';
import { answers, logs, requests } from '../../packages/verify/test/lies-sealed.ts';

interface Case {
  readonly name: string;
  readonly exchange: Exchange;
  readonly shown?: string;
  readonly options?: Partial<VerifyOptions>;
}

const TEXT = { operation: 'text.completion', request: { model: 'tiny', prompt: 'Once upon a time', seed: 7 } } as const;
const streamed = (exchange: Exchange): Exchange => ({ ...exchange, response: exchange.stream });

function honestCases(): Case[] {
  const plain = serve();
  const witnessed = serve({ log: { witnessed: true } });
  return [
    { name: 'chat', exchange: plain },
    { name: 'chat, streamed', exchange: streamed(plain) },
    { name: 'text', exchange: serve(TEXT) },
    { name: 'text, streamed', exchange: streamed(serve(TEXT)) },
    { name: 'without a disclosure', exchange: plain, shown: encodeBundle({ ...plain.bundle, disclosure: null }) },
    { name: 'in a log of one leaf', exchange: serve({ log: { size: 1, index: 0 } }) },
    { name: 'in a log of 300 leaves', exchange: serve({ log: { size: 300, index: 257 } }) },
    {
      name: 'witnessed',
      exchange: witnessed,
      options: { policy: `witness w1 ${WITNESS.vkey}\n${witnessed.policy.replace('quorum none', 'quorum w1')}` },
    },
    { name: 'ended by an error', exchange: serve({ cutAt: 3, reason: 'error' }) },
    {
      name: 'fewer tokens than asked for',
      exchange: serve({ executed: { ...JSON.parse(new TextDecoder().decode(plain.request)), max_tokens: 4 } }),
    },
  ];
}

async function vector({ name, exchange, shown, options }: Case): Promise<{ verdict: string; text: string }> {
  const decoder = new TextDecoder();
  const bundle = shown ?? exchange.text;
  const { verdict, failed, receipt, level } = await verify(bundle, { ...exchange, ...options });
  const given = {
    bundle,
    policy: options?.policy ?? exchange.policy,
    request: decoder.decode(exchange.request),
    response: decoder.decode(exchange.response),
    nonce: exchange.nonce,
  };
  return {
    verdict,
    text: `${JSON.stringify({ comment: name, ...given, report: { verdict, level, receipt, failed } }, null, 2)}\n`,
  };
}

const fileName = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');

/** All files of vectors/bundle: path below vectors/ → content. */
export async function generateBundleVectors(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const add = async (cases: readonly Case[], kind: 'valid' | 'invalid'): Promise<void> => {
    for (const item of cases) {
      const { verdict, text } = await vector(item);
      if (verdict !== kind) throw new Error(`${item.name} is ${verdict}, not ${kind}`);
      files.set(`bundle/${kind}/${fileName(item.name)}.json`, text);
    }
  };
  await add(honestCases(), 'valid');
  await add([...answers, ...requests, ...logs, ...disclosures], 'invalid');
  return files;
}

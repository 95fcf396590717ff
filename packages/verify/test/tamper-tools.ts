// What the tamper table is made of: an honest exchange, and ways to change it.
import { type Bundle, encodeBundle, type ReceiptBody, sha256, utf8 } from '@runproof/protocol';
import { ed25519NoteSigner, parseTlogProof } from '@runproof/tlog';
import type { CheckId, VerifyOptions } from '../src/index.ts';
import { ENGINE, type Exchange, ORIGIN, serve, WITNESS } from './honest-node.ts';

export interface Lie {
  readonly name: string;
  /** what the caller holds */
  readonly exchange: Exchange;
  /** the bundle that the caller is shown */
  readonly shown?: string;
  readonly options?: Partial<VerifyOptions>;
  /** checks that must fail, and no others */
  readonly caught: readonly CheckId[];
}

export const honest = serve();
export const body =
  (change: Partial<ReceiptBody>) =>
  (original: ReceiptBody): ReceiptBody => ({ ...original, ...change });
export const shown = (change: Partial<Bundle>): string => encodeBundle({ ...honest.bundle, ...change });
export const disclosed = (change: Partial<NonNullable<Bundle['disclosure']>>): string => {
  const { disclosure } = honest.bundle;
  if (disclosure === null) throw new Error('the honest bundle discloses');
  return shown({ disclosure: { ...disclosure, ...change } });
};
export const flipFirst = (ids: readonly number[]): number[] =>
  ids.map((id, index) => (index === 0 ? (id === 5 ? 6 : 5) : id));
export const edited = (bytes: Uint8Array, from: string, to: string): Uint8Array => {
  const text = new TextDecoder().decode(bytes);
  if (!text.includes(from)) throw new Error(`the text has no ${from}`);
  return utf8(text.replace(from, () => to));
};
export const answerText = (exchange: Exchange): string =>
  (JSON.parse(new TextDecoder().decode(exchange.response)) as { choices: { message: { content: string } }[] })
    .choices[0]?.message.content ?? '';
export const proof = parseTlogProof(honest.bundle.proof);
export const completion = honest.bundle.disclosure?.completion ?? [];
export const prompt = honest.bundle.disclosure?.prompt ?? [];
export const replay = { replay: ENGINE, level: 'replayed' } as const;
export const otherLog = ed25519NoteSigner('example.org/other-log', sha256(utf8('other log')));
export const impostor = ed25519NoteSigner(ORIGIN, sha256(utf8('impostor')));
export const quorumPolicy = `witness w1 ${WITNESS.vkey}\n${honest.policy.replace('quorum none', 'quorum w1')}`;

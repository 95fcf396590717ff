import { encodeBundle, encodeCanonicalJson, parseBundle } from '@runproof/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CHAT, chatBody, createKit } from '../test/kit.ts';
import { assembleBundle } from './seal.ts';

it('assembles exactly the canonical bytes', async () => {
  const kit = createKit();
  const bundle = kit.bundleOf(await kit.post(CHAT, chatBody({ stop: ['é "quoted" \u2028 \u0007'] })));
  const text = assembleBundle(
    encodeCanonicalJson(bundle.body),
    bundle.disclosure ?? { completion: [], prompt: [], trace: '' },
    bundle.proof,
    bundle.salt,
  );
  expect(text).toBe(encodeBundle(bundle));
  expect(encodeBundle(parseBundle(text))).toBe(text);
});

it('escapes any proof text as RFC 8785 does', () => {
  const text = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(text, fc.array(fc.nat()), (proof, ids) => {
      const disclosure = { completion: ids, prompt: ids, trace: '' };
      const value = { body: {}, disclosure, proof, salt: '00', schema: 'runproof/bundle/1' };
      expect(assembleBundle('{}', disclosure, proof, '00')).toBe(encodeCanonicalJson(value));
    }),
  );
});

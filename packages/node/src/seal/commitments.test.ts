import { commit, receiptEntry, receiptId, utf8 } from '@runproof/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createCommitter, entryId } from './commitments.ts';

const salt = fc.uint8Array({ minLength: 32, maxLength: 32 });

it('commits as the protocol does', () => {
  const field = fc.constantFrom('request' as const, 'prompt' as const, 'tokens' as const, 'output' as const);
  fc.assert(
    fc.property(salt, field, fc.uint8Array({ maxLength: 300 }), (key, name, data) => {
      expect(createCommitter(key).commit(name, data)).toBe(commit(key, name, data));
    }),
  );
});

it('makes the entry and the id that the protocol makes', () => {
  fc.assert(
    fc.property(salt, fc.string({ unit: 'binary' }), (key, body) => {
      const entry = createCommitter(key).entry(body);
      expect(entry).toEqual(receiptEntry(utf8(body), key));
      expect(entryId(entry)).toBe(receiptId(entry));
    }),
  );
});

import type { VerificationReport } from '@runproof/verify';
import { describe, expect, it } from 'vitest';
import { verdictSentence } from './render-report.ts';

function invalid(...failed: VerificationReport['failed'][number][]): VerificationReport {
  return { verdict: 'invalid', level: 'none', receipt: null, checks: [], missing: [], failed };
}

describe('verdictSentence', () => {
  it('does not accuse the node of a model file that the verifier chose', () => {
    expect(verdictSentence(invalid('replay.model'))).toContain('convicts nobody');
    expect(verdictSentence(invalid('replay.model'))).not.toContain('Do not use');
  });

  it('warns of every other failure, also beside that one', () => {
    for (const failed of [['response.match'], ['model.trusted', 'replay.model']] as const) {
      expect(verdictSentence(invalid(...failed))).toBe(`invalid: ${failed.join(', ')} failed. Do not use this answer.`);
    }
  });
});

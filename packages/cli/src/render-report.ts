// A verification report as a person reads it.
import { ERROR_CODES, type Evidence } from '@runproof/protocol';
import type { CheckId, VerificationReport } from '@runproof/verify';
import { count, type Paint, printable } from './terminal.ts';

const ID_WIDTH = 20;
const EVIDENCE_CHARACTERS_MAX = 200;

function evidenceLines(evidence: Evidence): string[] {
  return Object.entries(evidence).map(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    const shown = text.length > EVIDENCE_CHARACTERS_MAX ? `${text.slice(0, EVIDENCE_CHARACTERS_MAX)}…` : text;
    return `      ${' '.repeat(ID_WIDTH)}${name}: ${printable(shown).replaceAll('\n', '\\n')}`;
  });
}

/** How to give what a check needs. */
function hint(id: CheckId): string {
  const options: Partial<Record<CheckId, string>> = {
    'model.trusted': 'the policy has no model line',
    'engine.trusted': 'the policy has no engine line',
    'request.match': 'give the request body with --request',
    'response.match': 'give the response body with --response',
  };
  return options[id] ?? 'needs a receipt that discloses its tokens, --request, and --replay';
}

/** What the verdict means, in one sentence. */
export function verdictSentence(report: VerificationReport): string {
  const { facts } = report;
  if (report.verdict === 'invalid' && report.failed.join() === 'replay.model')
    return 'invalid: replay.model failed. The model given here is not the one that the receipt names, so nothing was replayed; this convicts nobody.';
  if (report.verdict === 'invalid') return `invalid: ${report.failed.join(', ')} failed. Do not use this answer.`;
  if (report.verdict === 'incomplete')
    return `incomplete: nothing failed, but ${report.missing.join(', ')} could not be checked.`;
  const model = facts === undefined ? '' : ` by ${facts.model}`;
  const tokens = facts === undefined ? 'the answer' : `${count(facts.completion_tokens)} tokens`;
  const fresh = report.checks.some(({ id }) => id === 'nonce.match')
    ? ''
    : '\nWithout --nonce this may be an older answer to the same request.';
  if (report.level === 'replayed') return `valid: replayed. ${tokens} equal, bit for bit,${model}.${fresh}`;
  if (report.level === 'sealed')
    return `valid: sealed. ${tokens}${model}, as logged at index ${facts?.index ?? '?'}; not replayed.${fresh}`;
  return `valid, level ${report.level}.`;
}

/** One line per check that was run, one per check that is missing, then the verdict. */
export function renderReport(report: VerificationReport, paint: Paint): string {
  const lines: string[] = [];
  for (const check of report.checks) {
    const result = check.result === 'pass' ? paint.good('pass') : paint.bad('FAIL');
    lines.push(`  ${result}  ${check.id.padEnd(ID_WIDTH)}${printable(check.detail)}`);
    if (check.result === 'fail') {
      lines.push(...evidenceLines(check.evidence).map(paint.dim));
      lines.push(`      ${' '.repeat(ID_WIDTH)}${check.code}: ${ERROR_CODES[check.code][1]}`);
    }
  }
  for (const id of report.missing)
    lines.push(`  ${paint.warn('----')}  ${id.padEnd(ID_WIDTH)}not checked: ${hint(id)}`);
  const tint = report.verdict === 'valid' ? paint.good : report.verdict === 'invalid' ? paint.bad : paint.warn;
  return `${[...lines, '', tint(verdictSentence(report))].join('\n')}\n`;
}

/** Exit code of a verdict: 0 valid, 1 invalid, 2 incomplete. */
export function exitCodeOf(report: VerificationReport): number {
  return { valid: 0, invalid: 1, incomplete: 2 }[report.verdict];
}

// runproof inspect: what a receipt says. It checks nothing, and says so.
import { type Bundle, parseBundle, receiptIdOfBundle } from '@runproof/protocol';
import { parseCheckpoint, parseNote, parseTlogProof } from '@runproof/tlog';
import { readInput, readStandardInput } from '../files.ts';
import { count, printable, type Terminal } from '../terminal.ts';

const IDS_SHOWN = 12;

function when(milliseconds: number): string {
  return Number.isNaN(new Date(milliseconds).getTime()) ? `${milliseconds} ms` : new Date(milliseconds).toISOString();
}

function ids(list: readonly number[]): string {
  const shown = list.slice(0, IDS_SHOWN).join(' ');
  return `${count(list.length)} ids: ${shown}${list.length > IDS_SHOWN ? ' …' : ''}`;
}

function proofFacts(bundle: Bundle): {
  index: number;
  origin: string;
  size: number;
  hashes: number;
  signatures: readonly string[];
} {
  const proof = parseTlogProof(bundle.proof);
  const note = parseNote(proof.checkpoint);
  const checkpoint = parseCheckpoint(note.text);
  return {
    index: proof.index,
    origin: checkpoint.origin,
    size: checkpoint.size,
    hashes: proof.hashes.length,
    signatures: note.signatures.map((signature) => `${signature.name}+${signature.keyId}`),
  };
}

function render(bundle: Bundle, bytes: number, terminal: Terminal): string {
  const { body, disclosure } = bundle;
  const proof = proofFacts(bundle);
  const { seed, ...sampling } = body.sampling;
  const rows: readonly (readonly [string, string])[] = [
    ['receipt', receiptIdOfBundle(bundle)],
    ['size', `${count(bytes)} bytes; body ${count(JSON.stringify(body).length)}, proof ${count(bundle.proof.length)}`],
    ['operation', body.operation],
    ['model', `${body.model.name}  ${body.model.digest}`],
    ['engine', `${body.engine.contract}  ${body.engine.build}`],
    [
      'usage',
      `${count(body.usage.prompt_tokens)} prompt tokens, ${count(body.usage.completion_tokens)} completion tokens`,
    ],
    ['finish reason', body.finish_reason],
    ['started', when(body.started_ms)],
    ['took', `${count(body.ended_ms - body.started_ms)} ms (the node's claim)`],
    ['nonce', body.nonce],
    ['seed', seed],
    ['sampling', JSON.stringify(sampling)],
    ['supports', body.levels.join(', ')],
    ['request', `commitment ${body.request}`],
    ['output', `commitment ${body.output}`],
    ['prompt', disclosure === null ? 'not disclosed' : ids(disclosure.prompt)],
    ['completion', disclosure === null ? 'not disclosed' : ids(disclosure.completion)],
    ['trace', body.trace],
    ['log', `${proof.origin}, index ${count(proof.index)} of ${count(proof.size)}, ${proof.hashes} hashes`],
    ['signed by', proof.signatures.join(', ')],
  ];
  const table = rows.map(([name, value]) => `  ${terminal.out.dim(name.padEnd(14))}${printable(value)}`).join('\n');
  return `${table}\n\n  Nothing was checked: these are claims. \`runproof verify\` checks them.\n`;
}

/** Prints the bundle in `file` (`-`: standard input). Throws `RECEIPT_SYNTAX` or a JSON error when it is none. */
export async function inspectCommand(
  file: string,
  options: { readonly json?: boolean },
  terminal: Terminal,
): Promise<number> {
  const bytes = file === '-' ? await readStandardInput() : await readInput(file);
  const bundle = parseBundle(bytes);
  if (options.json === true) {
    terminal.write(
      `${JSON.stringify({ receipt: receiptIdOfBundle(bundle), bytes: bytes.length, checked: [], log: proofFacts(bundle), bundle }, null, 2)}\n`,
    );
  } else terminal.write(render(bundle, bytes.length, terminal));
  return 0;
}

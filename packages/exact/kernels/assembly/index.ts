// Kernels of contract exact-1. A model is a tape of operations in memory; every part (thread) executes the whole tape on its own
// share of the output, with a barrier where the next operation reads what other parts wrote.
import { attend } from './attention';
import { heads } from './heads';
import { matmul } from './matmul';
import { barrier, ROWS } from './parallel';
import { activate, check, embed, norm, quantise, residual } from './rows';

export { repack } from './repack';
export { activationRecordBytes } from './rows';

/** Bytes of one operation: opcode, barrier flag, then its words. */
const OPERATION: usize = 128;

const EMBED: i32 = 1;
const NORM: i32 = 2;
const QUANTISE: i32 = 3;
const MATMUL: i32 = 4;
const HEADS: i32 = 5;
const ATTEND: i32 = 6;
const ACTIVATE: i32 = 7;
const CHECK: i32 = 8;
const RESIDUAL: i32 = 9;

/** Executes operations `from` up to `to` of the tape for the rows that the header names, as part `part` of `parts`. */
export function execute(header: usize, tape: usize, from: i32, to: i32, part: i32, parts: i32): void {
  const rows = load<i32>(header, ROWS);
  for (let index = from; index < to; index += 1) {
    const operation = tape + <usize>index * OPERATION, code = load<i32>(operation), op = operation + 8;
    if (code == MATMUL) matmul(op, rows, part, parts);
    else if (code == QUANTISE) quantise(op, header, rows, part, parts);
    else if (code == NORM) norm(op, header, rows, part, parts);
    else if (code == HEADS) heads(op, rows, part, parts);
    else if (code == ATTEND) attend(op, rows, part, parts);
    else if (code == ACTIVATE) activate(op, rows, part, parts);
    else if (code == RESIDUAL) residual(op, rows, part, parts);
    else if (code == EMBED) embed(op, rows, part, parts);
    else if (code == CHECK) check(op, header, rows, part, parts);
    if (load<i32>(operation, 4) != 0) barrier(header, parts);
  }
}

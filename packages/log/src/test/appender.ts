// A process that appends until it is killed and says what was acknowledged: one JSON line per entry.
//
//   node appender.ts DIRECTORY FIRST_ENTRY CONCURRENCY
import { writeSync } from 'node:fs';
import { openLog } from '../open-log.ts';
import { entry, options } from './appender-material.ts';

const [directory = '', first = '0', concurrency = '1'] = process.argv.slice(2);
const log = await openLog(options(directory));
writeSync(1, `${JSON.stringify({ ready: log.size })}\n`);
let next = Number(first);

async function appendForever(): Promise<never> {
  for (;;) {
    const number = next;
    next += 1;
    const inclusion = await log.append(entry(number));
    writeSync(1, `${JSON.stringify({ number, ...inclusion })}\n`);
  }
}

await Promise.all(Array.from({ length: Number(concurrency) }, appendForever));

// runproof log fsck: prove a whole log from its bytes, here or behind its static API.
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { keyFingerprint } from '@runproof/client';
import { fsck, type LogReader } from '@runproof/log';
import { decodeUtf8, RunproofError } from '@runproof/protocol';
import { encodeVerifierKey, parsePolicy } from '@runproof/tlog';
import { dataDirectory } from '../data-directory.ts';
import { readInput, UsageError } from '../files.ts';
import { createPoolFetch } from '../proxy/pool-fetch.ts';
import { count, duration, type Terminal } from '../terminal.ts';

export interface LogFsckOptions {
  readonly vkey?: string;
  readonly policy?: string;
  readonly data?: string;
  readonly json?: boolean;
}

/** A tile of entries: 256 entries of at most 65,535 bytes with their lengths. */
const TILE_BYTES_MAX = 17 * 1024 * 1024;
const LIMITS = { connectionsMax: 4, connectMsMax: 10_000, headersMsMax: 30_000, bodyMsMax: 30_000 };

async function textOf(path: string): Promise<string> {
  return decodeUtf8(await readInput(path)).trim();
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}

/** The key is the verifier's own: a file, or the policy; beside a directory the file that the log wrote there. */
async function findKey(place: string, remote: boolean, options: LogFsckOptions): Promise<string> {
  if (options.vkey !== undefined) return textOf(options.vkey);
  const data = dataDirectory(options.data);
  if (!remote) {
    const places = [join(resolve(place), 'log.vkey'), join(dirname(resolve(place)), 'log.vkey')];
    const found = places.find((candidate) => existsSync(candidate));
    if (found !== undefined) return textOf(found);
    throw new UsageError(`There is no log.vkey in or beside ${place}; name the log's key with --vkey.`);
  }
  const policy = parsePolicy(decodeUtf8(await readInput(options.policy ?? data.policy)));
  const log = policy.logs.find(
    (candidate) => candidate.url !== null && withoutSlash(candidate.url) === withoutSlash(place),
  );
  if (log === undefined) throw new UsageError(`The policy names no log at ${place}; name its key with --vkey.`);
  return encodeVerifierKey(log.key);
}

async function readAll(response: Response, path: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of (response.body ?? []) as unknown as AsyncIterable<Uint8Array>) {
    total += chunk.length;
    if (total > TILE_BYTES_MAX)
      throw new RunproofError('LOG_CORRUPT', `${path} is larger than ${TILE_BYTES_MAX} bytes.`, { path });
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function remoteReader(place: string): { read: LogReader; close: () => Promise<void> } {
  const base = withoutSlash(place);
  const pool = createPoolFetch(new URL(base).origin, LIMITS);
  const read: LogReader = async (path) => {
    const response = await pool.fetch(`${base}/${path}`);
    if (response.status === 404) {
      await response.body?.cancel();
      return null;
    }
    if (!response.ok)
      throw new RunproofError('UPSTREAM_UNREACHABLE', `${base}/${path} answered with status ${response.status}.`);
    return readAll(response, path);
  };
  return { read, close: pool.close };
}

/** Proves the log at `place`. Exit code 0; whatever does not fit rejects with the code that names it, exit code 1. */
export async function logFsckCommand(place: string, options: LogFsckOptions, terminal: Terminal): Promise<number> {
  const remote = /^https?:\/\//.test(place);
  const vkey = await findKey(place, remote, options);
  const source = remote ? remoteReader(place) : { read: place, close: async () => {} };
  const progress = terminal.progress('proving');
  const started = performance.now();
  const report = await fsck(source.read, vkey, progress.update).finally(async () => {
    progress.end();
    await source.close();
  });
  const { origin, size, entryBytes } = report;
  if (options.json === true)
    terminal.write(`${JSON.stringify({ place, fingerprint: keyFingerprint(vkey), ...report }, null, 2)}\n`);
  else
    terminal.write(
      `proved: ${origin}, ${count(size)} entries of ${count(entryBytes)} bytes, under ${keyFingerprint(vkey)} (${duration(performance.now() - started)})\n`,
    );
  return 0;
}

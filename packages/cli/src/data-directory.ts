// The data directory: ~/.runproof, or where RUNPROOF_DATA or --data says.
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { RunproofError } from '@runproof/protocol';

export interface DataDirectory {
  readonly path: string;
  readonly log: string;
  readonly receipts: string;
  readonly policy: string;
  readonly vkey: string;
}

/** Paths of the data directory: `option`, else RUNPROOF_DATA, else ~/.runproof. Touches nothing. */
export function dataDirectory(
  option: string | undefined,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): DataDirectory {
  const named = option ?? (environment.RUNPROOF_DATA || undefined);
  const path = resolve(named ?? join(homedir(), '.runproof'));
  return {
    path,
    log: join(path, 'log'),
    receipts: join(path, 'receipts'),
    policy: join(path, 'policy.txt'),
    vkey: join(path, 'log.vkey'),
  };
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | null)?.code ?? 'unknown error');
}

/** Makes the directory, for its owner only, and shows that a file can be written in it. `LOG_UNWRITABLE` says in one sentence when not. */
export async function prepareDataDirectory(data: DataDirectory): Promise<void> {
  const probe = join(data.path, `.probe-${process.pid}`);
  try {
    await mkdir(data.path, { recursive: true, mode: 0o700 });
    await chmod(data.path, 0o700);
    await (await open(probe, 'wx', 0o600)).close();
    await rm(probe);
  } catch (error) {
    throw new RunproofError(
      'LOG_UNWRITABLE',
      `The data directory ${data.path} cannot be written (${codeOf(error)}).`,
      {},
      { cause: error },
    );
  }
}

/** Text of a file, or null when there is none. `LOG_UNWRITABLE` never comes from here: reading fails as the system says. */
export async function readTextIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Replaces a file as a whole, durably: a reader, and a restart, sees the old text or the new one. */
export async function writeTextDurably(path: string, text: string): Promise<void> {
  const draft = `${path}.new-${process.pid}`;
  try {
    const file = await open(draft, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
    const folder = await open(dirname(path), 'r');
    await folder.sync().finally(() => folder.close());
  } catch (error) {
    await rm(draft, { force: true });
    throw new RunproofError('LOG_UNWRITABLE', `${path} cannot be written (${codeOf(error)}).`, {}, { cause: error });
  }
}

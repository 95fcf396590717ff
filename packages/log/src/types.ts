// What the log asks of others and what it answers.

/** Unix time in milliseconds. */
export interface Clock {
  now(): number;
}

/** Cryptographic randomness. */
export interface Random {
  bytes(length: number): Uint8Array;
}

/** What `append` resolves to: the entry is durable and covered by a signed, durable checkpoint. */
export interface Inclusion {
  /** leaf index, from 0 */
  readonly index: number;
  /** size of the tree whose checkpoint is in `proof` */
  readonly treeSize: number;
  /** c2sp.org/tlog-proof@v1 text */
  readonly proof: string;
}

/** Body of a path below the log's prefix (`checkpoint`, `tile/0/x001/234.p/7`), or null when the tree does not have it. */
export type LogReader = (path: string) => Promise<Uint8Array | null>;

export interface Log {
  readonly origin: string;
  /** C2SP verifier key, type 1 */
  readonly vkey: string;
  /** number of leaves under the newest durable checkpoint */
  readonly size: number;
  /**
   * Adds an entry of 1 to 65,535 bytes. Rejects with `OVERLOADED` (too much is pending), `SHUTTING_DOWN` (after `close`),
   * `LOG_UNWRITABLE` (the disk failed; the log then takes nothing until it is opened again), `PARAMETER_INVALID` (length).
   */
  append(entry: Uint8Array): Promise<Inclusion>;
  /** Signed note of the newest durable checkpoint. */
  checkpoint(): Promise<string>;
  /** Body of a path of the static API (c2sp.org/tlog-tiles@v0.1.0), or null. */
  read(path: string): Promise<Uint8Array | null>;
  /** Fresh proof of leaf `index` under the newest checkpoint. `NOT_FOUND` outside the tree, `LOG_CORRUPT` if the files cannot prove it. */
  proofFor(index: number): Promise<Inclusion>;
  /** Commits what is pending, writes everything to disk, and gives the lock back. */
  close(): Promise<void>;
}

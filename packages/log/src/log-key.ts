// The log's key: made on first start, kept in `key` with mode 0600, in the text form of Go's note package:
// PRIVATE+KEY+<name>+<key id>+<base64 of type ‖ seed>.
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { concatBytes, encodeBase64, encodeHex, parseBase64, RunproofError } from '@runproof/protocol';
import { ED25519, encodeVerifierKey, type NoteSigner, type VerifierKey, verifierKey } from '@runproof/tlog';
import { corrupt } from './file-errors.ts';

const SEED_BYTES = 32;
/** DER of PKCS #8 for Ed25519, up to the seed. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

export interface LogKey extends NoteSigner {
  readonly vkey: string;
  readonly verifier: VerifierKey;
  /** content of the key file */
  readonly privateText: string;
}

/** Key of `seed` (32 bytes) under the name `origin`, or under a name made from the public key when `origin` is null. */
export function logKey(seed: Uint8Array, origin: string | null): LogKey {
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  const publicKey = new Uint8Array(Buffer.from(x ?? '', 'base64url'));
  const name = origin ?? `runproof.local/${createHash('sha256').update(publicKey).digest('hex').slice(0, 16)}`;
  const verifier = verifierKey(name, ED25519, publicKey);
  const secret = encodeBase64(concatBytes(Uint8Array.of(ED25519), seed));
  return {
    name,
    keyId: verifier.keyId,
    vkey: encodeVerifierKey(verifier),
    verifier,
    privateText: `PRIVATE+KEY+${name}+${verifier.keyId}+${secret}\n`,
    sign: (bytes) => new Uint8Array(sign(null, bytes, privateKey)),
  };
}

/** Null when `origin` cannot be a key's name. */
function keyOrNull(seed: Uint8Array, origin: string): LogKey | null {
  try {
    return logKey(seed, origin);
  } catch (error) {
    if (RunproofError.isInstance(error)) return null;
    throw error;
  }
}

/** Reads the key file. `CONFIG_INVALID` when others may read it, `LOG_CORRUPT` when it is not what `logKey` wrote. */
export function readLogKey(path: string): LogKey {
  const fd = openSync(path, 'r');
  let text: string;
  try {
    const { mode } = fstatSync(fd);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      const evidence = { path, mode: (mode & 0o777).toString(8) };
      throw new RunproofError(
        'CONFIG_INVALID',
        `others can read the log's key ${path}: chmod 600 it, and find out who read it`,
        evidence,
      );
    }
    text = readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
  const match = /^PRIVATE\+KEY\+([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)\n$/.exec(text);
  const bytes = parseBase64(match?.[3] ?? '');
  if (match?.[1] === undefined || bytes === null || bytes.length !== 1 + SEED_BYTES)
    throw corrupt(`the log's key ${path} is damaged`, { path });
  const key = keyOrNull(bytes.slice(1), match[1]);
  // The key id stands in the file: a flipped bit in name or seed shows here, not as a log that signs with a foreign key.
  if (key?.privateText !== text)
    throw corrupt(`the log's key ${path} is damaged`, { path, keyId: encodeHex(bytes.subarray(0, 1)) });
  return key;
}

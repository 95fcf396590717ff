// The machine's own clock and randomness, for whoever assembles a node.
import { randomFillSync } from 'node:crypto';
export const systemClock = { now: () => Date.now() };
/** Bytes drawn ahead, so that a run costs no system call per nonce, salt and id. None is ever given out twice. */
const pool = new Uint8Array(4_096);
let used = pool.length;
export const systemRandom = {
    bytes(length) {
        if (length > pool.length)
            return randomFillSync(new Uint8Array(length));
        if (used + length > pool.length) {
            randomFillSync(pool);
            used = 0;
        }
        const drawn = pool.slice(used, used + length);
        // What was given out does not stay behind.
        pool.fill(0, used, used + length);
        used += length;
        return drawn;
    },
};

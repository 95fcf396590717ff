// A node with a test engine and a log in memory, and the few things that tests ask of it.
import { encodeHex, parseBundle, sha256, utf8 } from '@runproof/protocol';
import { createNode } from '../node.js';
import { systemClock } from '../system.js';
import { TestEngine } from './engine.js';
import { MemoryLog } from './log.js';
export class MemoryStore {
    bundles = new Map();
    fails = false;
    async put(id, bundle) {
        if (this.fails)
            throw new Error('ENOSPC: no space left on /home/someone/disk');
        this.bundles.set(id, bundle);
    }
    async get(id) {
        return this.bundles.get(id) ?? null;
    }
}
/** The same bytes in every test run, none of them twice. */
export function countingRandom() {
    let counter = 0;
    return {
        bytes(length) {
            counter += 1;
            return sha256(utf8(`random ${counter}`)).slice(0, length);
        },
    };
}
export const BASE = 'http://node.test';
export const CHAT = '/v1/chat/completions';
export const TEXT = '/v1/completions';
export function createKit(limits = {}, info = {}) {
    const engine = new TestEngine();
    const log = new MemoryLog();
    const store = new MemoryStore();
    const lines = [];
    const node = createNode({ engine, log, store, clock: systemClock, random: countingRandom(), limits, info, logger: (line) => lines.push(line) });
    const find = (id) => parseBundle(store.bundles.get(id ?? '') ?? '');
    return {
        node,
        engine,
        log,
        store,
        lines,
        post: (path, body, headers = {}, signal) => node.fetch(new Request(BASE + path, {
            method: 'POST',
            headers: { 'Content-Type': 'application/json', ...headers },
            body: typeof body === 'string' ? body : JSON.stringify(body),
            ...(signal === undefined ? {} : { signal }),
        })),
        get: (path, headers = {}) => node.fetch(new Request(BASE + path, { headers })),
        bundleOf: (response) => find(response.headers.get('runproof-receipt')),
        onlyBundle: () => {
            const ids = [...store.bundles.keys()];
            if (ids.length !== 1)
                throw new Error(`${ids.length} receipts`);
            return find(ids[0] ?? null);
        },
    };
}
export function chatBody(more = {}) {
    return { model: 'test/markov', messages: [{ role: 'user', content: 'Tell me of a fox.' }], seed: 7, max_tokens: 24, ...more };
}
export function textBody(more = {}) {
    return { model: 'test/markov', prompt: 'Once upon a time', seed: 7, max_tokens: 24, ...more };
}
export function nonceOf(label) {
    return encodeHex(sha256(utf8(label)));
}
/** A promise that is resolved from outside. */
export function createGate() {
    let open = () => { };
    const opened = new Promise((resolve) => {
        open = resolve;
    });
    return { opened, open: () => open() };
}
/** Data of the events of a whole stream. */
export async function eventsOf(response) {
    const text = await response.text();
    return text
        .split('\n\n')
        .filter((event) => event !== '')
        .map((event) => event.replace(/^data: /, ''));
}
/** Waits until `holds` does; the test's own timeout ends a wait in vain. */
export async function until(holds) {
    while (!holds())
        await new Promise((resolve) => setTimeout(resolve, 2));
}

import { type Bundle } from '@runproof/protocol';
import type { NodeInfoInput, NodeLimitsInput } from '../config.ts';
import type { LogLine } from '../logger.ts';
import { type RunproofNode } from '../node.ts';
import type { Random, ReceiptStore } from '../ports.ts';
import { TestEngine } from './engine.ts';
import { MemoryLog } from './log.ts';
export declare class MemoryStore implements ReceiptStore {
    readonly bundles: Map<string, string>;
    fails: boolean;
    put(id: string, bundle: string): Promise<void>;
    get(id: string): Promise<string | null>;
}
/** The same bytes in every test run, none of them twice. */
export declare function countingRandom(): Random;
export interface Kit {
    readonly node: RunproofNode;
    readonly engine: TestEngine;
    readonly log: MemoryLog;
    readonly store: MemoryStore;
    readonly lines: LogLine[];
    post(path: string, body: unknown, headers?: Record<string, string>, signal?: AbortSignal): Promise<Response>;
    get(path: string, headers?: Record<string, string>): Promise<Response>;
    /** bundle of the receipt that a plain response names */
    bundleOf(response: Response): Bundle;
    onlyBundle(): Bundle;
}
export declare const BASE = "http://node.test";
export declare const CHAT = "/v1/chat/completions";
export declare const TEXT = "/v1/completions";
export declare function createKit(limits?: NodeLimitsInput, info?: NodeInfoInput): Kit;
export declare function chatBody(more?: Record<string, unknown>): Record<string, unknown>;
export declare function textBody(more?: Record<string, unknown>): Record<string, unknown>;
export declare function nonceOf(label: string): string;
/** A promise that is resolved from outside. */
export declare function createGate(): {
    readonly opened: Promise<void>;
    open(): void;
};
/** Data of the events of a whole stream. */
export declare function eventsOf(response: Response): Promise<string[]>;
/** Waits until `holds` does; the test's own timeout ends a wait in vain. */
export declare function until(holds: () => boolean): Promise<void>;

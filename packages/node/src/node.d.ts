import { type NodeInfoInput, type NodeLimits, type NodeLimitsInput } from './config.ts';
import { type Logger } from './logger.ts';
import type { Clock, Engine, Random, ReceiptLog, ReceiptStore } from './ports.ts';
export interface NodeOptions {
    readonly engine: Engine;
    readonly log: ReceiptLog;
    readonly store: ReceiptStore;
    readonly clock: Clock;
    readonly random: Random;
    readonly limits?: NodeLimitsInput;
    readonly info?: NodeInfoInput;
    readonly logger?: Logger;
}
export interface RunproofNode {
    /** Answers one HTTP request. Never rejects. */
    fetch(request: Request): Promise<Response>;
    /** Whether new runs are taken and receipts can be sealed; what `/readyz` says. */
    readonly ready: boolean;
    readonly limits: NodeLimits;
    /**
     * Takes no new run (503 with `Retry-After`), refuses those that wait, and gives the running ones `milliseconds` to end; what runs
     * still is stopped then. Resolves when every run is sealed. May be called again with less patience.
     */
    drain(milliseconds: number): Promise<void>;
    /** `drain(0)`. Engine, log and store belong to the caller, who closes them afterwards. */
    close(): Promise<void>;
}
/** Makes a node. Throws `CONFIG_INVALID` when a limit or a fact is out of its range. */
export declare function createNode(options: NodeOptions): RunproofNode;

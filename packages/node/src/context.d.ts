import { type RunproofError } from '@runproof/protocol';
import type { NodeInfo, NodeLimits } from './config.ts';
import type { BodyBudget } from './http/body.ts';
import type { Logger } from './logger.ts';
import type { Clock, Random } from './ports.ts';
import type { Admission } from './run/admission.ts';
import type { RunRegistry } from './run/registry.ts';
import type { SealPorts } from './seal/seal.ts';
/** Whether receipts can be sealed. After a failure the node says "not ready" for a while, then lets itself be tried again. */
export declare class Health {
    #private;
    constructor(clock: Clock);
    sealed(): void;
    sealFailed(): void;
    get ok(): boolean;
}
export interface NodeContext extends SealPorts {
    readonly limits: NodeLimits;
    readonly info: NodeInfo;
    readonly logger: Logger;
    readonly admission: Admission;
    readonly bodies: BodyBudget;
    readonly runs: RunRegistry;
    readonly health: Health;
    /** false from the moment on in which the node begins to leave */
    readonly accepting: () => boolean;
}
type ReplyHeaders = Readonly<Record<string, string>>;
/** One request: who it is in the log, and how it is answered. */
export declare class RequestContext {
    #private;
    readonly id: string;
    readonly request: Request;
    readonly arrivedMs: number;
    constructor(request: Request, node: {
        readonly random: Random;
        readonly clock: Clock;
        readonly info: NodeInfo;
    });
    /** Fires when the client's connection is gone. */
    get signal(): AbortSignal;
    reply(status: number, body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null, headers: ReplyHeaders): Response;
    json(status: number, value: unknown, headers?: ReplyHeaders): Response;
    /** OpenAI's error object, with `Retry-After` where it helps. */
    refuse(error: RunproofError, headers?: ReplyHeaders): Response;
}
export {};

import { type SamplingParameters } from '@runproof/protocol';
import type { Engine, ReplayOutcome, RunEvent, RunRequest } from '../ports.ts';
export declare const VOCAB_SIZE = 400;
export declare const CONTEXT_LENGTH = 512;
export interface TestEngineFaults {
    /** before this token (0-based) the run … */
    at: number;
    /** … ends with an error event, throws, hangs until aborted, hangs for ever, ends without its last event, or gives up by itself */
    kind: 'error' | 'throw' | 'hang' | 'stuck' | 'vanish' | 'abort' | null;
}
export declare class TestEngine implements Engine {
    #private;
    readonly contract = "exact-1";
    readonly build: string;
    readonly model: {
        name: string;
        digest: string;
        contextLength: number;
        vocabSize: number;
        createdSeconds: number;
    };
    readonly requests: RunRequest[];
    fault: TestEngineFaults;
    /** awaited before every token */
    pace: ((position: number) => Promise<void>) | null;
    encodeDelay: Promise<void> | null;
    running: number;
    encodeChat(messages: readonly {
        role: string;
        content: string;
    }[]): Promise<number[]>;
    encodeText(text: string): Promise<number[]>;
    run(request: RunRequest): AsyncGenerator<RunEvent>;
    traceStart(prompt: readonly number[]): Uint8Array;
    traceNext(trace: Uint8Array, id: number): Uint8Array;
    replay(disclosure: {
        prompt: readonly number[];
        completion: readonly number[];
    }, sampling: SamplingParameters, root: string): Promise<ReplayOutcome>;
    close(): Promise<void>;
}

import type { Inclusion, ReceiptLog } from '../ports.ts';
export declare class MemoryLog implements ReceiptLog {
    #private;
    readonly origin = "runproof.test/0123456789abcdef";
    readonly vkey: string;
    readonly entries: Uint8Array[];
    /** called before every append; what it throws is the log's failure */
    before: () => Promise<void>;
    constructor();
    append(entry: Uint8Array): Promise<Inclusion>;
    checkpoint(): Promise<string>;
    read(path: string): Promise<Uint8Array | null>;
}

interface PageFacts {
    /** scheme, host and port under which the reader reached this node */
    readonly base: string;
    readonly model: string;
    readonly digest: string;
    readonly contract: string;
    readonly build: string;
    readonly origin: string;
    readonly vkey: string;
    readonly version: string;
}
/** A whole HTML page without script and without anything from elsewhere. Every fact is escaped. */
export declare function renderPage(facts: PageFacts): string;
export {};

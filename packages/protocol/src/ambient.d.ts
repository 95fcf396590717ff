// Globals of every supported runtime (Node >= 22.18, current browsers) that are pure: they do no I/O and read no clock.
// The pure packages compile without DOM and Node types; what they may use beyond ES2023 is declared here, and only
// here.

declare class TextEncoder {
  encode(input?: string): Uint8Array<ArrayBuffer>;
}

declare class TextDecoder {
  constructor(label?: 'utf-8', options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(input?: Uint8Array, options?: { stream?: boolean }): string;
}

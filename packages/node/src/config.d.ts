import { z } from 'zod';
declare const limitsSchema: z.ZodObject<{
    concurrencyMax: z.ZodDefault<z.ZodInt>;
    waitingMax: z.ZodDefault<z.ZodInt>;
    bodyBytesMax: z.ZodDefault<z.ZodInt>;
    bodyBytesTotalMax: z.ZodDefault<z.ZodInt>;
    queueMsMax: z.ZodDefault<z.ZodInt>;
    firstTokenMsMax: z.ZodDefault<z.ZodInt>;
    tokenGapMsMax: z.ZodDefault<z.ZodInt>;
    runMsMax: z.ZodDefault<z.ZodInt>;
    stallMsMax: z.ZodDefault<z.ZodInt>;
    abortMsMax: z.ZodDefault<z.ZodInt>;
    streamBufferBytes: z.ZodDefault<z.ZodInt>;
}, z.core.$strict>;
declare const infoSchema: z.ZodObject<{
    version: z.ZodDefault<z.ZodString>;
    corsOrigins: z.ZodDefault<z.ZodUnion<readonly [z.ZodLiteral<"*">, z.ZodArray<z.ZodURL>]>>;
    receiptAccess: z.ZodDefault<z.ZodEnum<{
        anyone: "anyone";
        "nonce-holder": "nonce-holder";
    }>>;
}, z.core.$strict>;
export type NodeLimits = Readonly<z.infer<typeof limitsSchema>>;
export type NodeLimitsInput = z.input<typeof limitsSchema>;
export type NodeInfo = Readonly<z.infer<typeof infoSchema>>;
export type NodeInfoInput = z.input<typeof infoSchema>;
/** Limits with their defaults; `CONFIG_INVALID` names the first setting that is wrong. */
export declare function parseLimits(value?: NodeLimitsInput): NodeLimits;
/** Info with its defaults; `CONFIG_INVALID` names the first setting that is wrong. */
export declare function parseInfo(value?: NodeInfoInput): NodeInfo;
export {};

export type { NodeInfoInput, NodeLimits, NodeLimitsInput } from './config.ts';
export type { Logger, LogLine } from './logger.ts';
export type { NodeOptions, RunproofNode } from './node.ts';
export { createNode } from './node.ts';
export type {
  Clock,
  Engine,
  EngineModel,
  Inclusion,
  Random,
  ReceiptLog,
  ReceiptStore,
  ReplayOutcome,
  ReplayProgress,
  RunEvent,
  RunRequest,
  TokenLogprob,
} from './ports.ts';
export type { NodeServer, ServeOptions } from './serve.ts';
export { serveNode } from './serve.ts';
export type { FileReceiptStoreOptions } from './stores/file-receipt-store.ts';
export { FileReceiptStore } from './stores/file-receipt-store.ts';
export { systemClock, systemRandom } from './system.ts';

export { type FsckReport, fsck } from './fsck.ts';
export { type OpenLogOptions, openLog } from './open-log.ts';
export type { Clock, Inclusion, Log, LogReader, Random } from './types.ts';

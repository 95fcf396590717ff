import type { Clock, Random } from './ports.ts';
export declare const systemClock: Clock;
export declare const systemRandom: Random;

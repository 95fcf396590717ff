export { type ExactEngineOptions, openExactEngine } from './engine.ts';

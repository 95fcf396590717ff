// The model that this machine holds: where it is, loading it, and replaying with it.
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openExactEngine } from '@runproof/engine-exact';
import type { Engine } from '@runproof/node';
import { promptOfRequest } from '@runproof/protocol';
import type { Replayer } from '@runproof/verify';
import { UsageError } from './files.ts';
import type { Terminal } from './terminal.ts';

const BUILT_IN = 'runproof-tiny-q8_0.gguf';

/** Path of the model that comes with the program: in the repository's `models/`, or beside the published program. */
function builtInModel(): string | null {
  const here = dirname(fileURLToPath(import.meta.url));
  const places = [join(here, '..', '..', '..', 'models', BUILT_IN), join(here, 'models', BUILT_IN)];
  return places.find((place) => existsSync(place)) ?? null;
}

/** `option`, else the built-in model; `UsageError` when there is neither. */
export function modelPath(option: string | undefined): string {
  const path = option ?? builtInModel();
  if (path === null) throw new UsageError('The built-in model is not there; name a GGUF file with --model.');
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) throw new UsageError(`There is no file ${path}.`);
  return path;
}

/** Loads a model with progress on a terminal. */
export async function openModel(path: string, terminal: Terminal, threads?: number): Promise<Engine> {
  const progress = terminal.progress('loading the model');
  try {
    return await openExactEngine({
      path,
      ...(threads === undefined ? {} : { threads }),
      onProgress: (done: number, total: number) => progress.update(done, total),
    });
  } finally {
    progress.end();
  }
}

/** The verifier's side of an engine (specs/exact-1.md §9). */
export function replayerOf(engine: Engine): Replayer {
  return {
    modelDigest: engine.model.digest,
    contract: engine.contract,
    contextLength: engine.model.contextLength,
    async encodePrompt(operation, request) {
      const prompt = promptOfRequest(operation, request);
      if (prompt.kind === 'chat') return engine.encodeChat(prompt.messages);
      return prompt.kind === 'text' ? engine.encodeText(prompt.text) : [...prompt.ids];
    },
    replay: (disclosure, sampling, trace, onProgress) => engine.replay(disclosure, sampling, trace, onProgress),
  };
}

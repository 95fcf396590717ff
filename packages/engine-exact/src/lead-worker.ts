// The thread that holds the model: loads it, then runs and replays what the main thread asks for.
import { hash } from 'node:crypto';
import { basename } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import {
  type BatchModel,
  type ChatTemplate,
  createChatTemplate,
  createTokenizer,
  type KernelSetup,
  loadExactModel,
  readGguf,
  TEMPLATE_CLOCK_MS,
  type Tokenizer,
} from '@runproof/exact';
import { modelManifest, RunproofError } from '@runproof/protocol';
import { HashingFile } from './file-source.ts';
import { type LeadData, type LoadedModel, packError, type Reply, type Request } from './messages.ts';
import { Scheduler } from './scheduler.ts';
import { sharedRunner } from './threads.ts';

const NAME_LENGTH_MAX = 128;

interface Loaded {
  readonly model: BatchModel;
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  readonly facts: LoadedModel;
  readonly setup: KernelSetup;
}

const data = workerData as LeadData;
const port = parentPort;
if (port === null) throw new RunproofError('INTERNAL', 'the engine runs in a worker thread');
const send = (reply: Reply): void => port.postMessage(reply);

/** A name as receipts allow it (specs/receipt.md, field 8). */
function servedName(wanted: string | null, inFile: unknown, path: string): string {
  const text = wanted ?? (typeof inFile === 'string' && inFile !== '' ? inFile : basename(path, '.gguf'));
  const name = text.replace(/[^A-Za-z0-9._:/-]+/g, '-').slice(0, NAME_LENGTH_MAX);
  return name === '' ? 'model' : name;
}

async function load(): Promise<Loaded> {
  const source = await HashingFile.open(data.path);
  try {
    const file = await readGguf(source);
    const tokenizer = createTokenizer(file.metadata);
    // A model without a usable template still completes text: `encode` says what is wrong with it.
    const template = createChatTemplate(file.metadata, tokenizer, { clockMs: TEMPLATE_CLOCK_MS });
    let setup: KernelSetup | null = null;
    const runner = sharedRunner(data.threads, data.control, (made) => {
      setup = made;
    });
    const model = await loadExactModel(source, {
      file,
      runner,
      ...(data.variant === null ? {} : { variant: data.variant }),
      ...(data.kvPositions === null ? {} : { kvPositions: data.kvPositions }),
      ...(data.batchRows === null ? {} : { batchRows: data.batchRows }),
      onProgress: (done, total) => send({ type: 'loading', done, total }),
    });
    if (setup === null) throw new RunproofError('INTERNAL', 'the model was loaded without its threads');
    const fileName = file.metadata.get('general.name');
    const { digest } = modelManifest({
      file: { digest: await source.finish(), size: source.size },
      name: typeof fileName === 'string' ? fileName : null,
      architecture: model.config.architecture,
    });
    const name = servedName(data.name, fileName, data.path);
    const sizes = { contextLength: model.maxCapacity, vocabSize: model.config.vocabSize };
    const facts = { name, digest, ...sizes, createdSeconds: source.modifiedSeconds, variant: model.variant };
    return { model, tokenizer, template, facts, setup };
  } catch (error) {
    await source.close().catch(() => undefined);
    throw error;
  }
}

function serve({ model, tokenizer, template, facts }: Loaded): void {
  const scheduler = new Scheduler({
    model,
    tokenizer,
    modelDigest: facts.digest,
    sha256: (bytes) => hash('sha256', bytes, 'buffer'),
    emit: (id, event) => send({ type: 'event', id, event }),
  });
  let scheduled = false;
  const wake = (): void => {
    if (scheduled || !scheduler.busy) return;
    scheduled = true;
    // Between two passes the messages that arrived meanwhile are taken: aborts, credit, new runs.
    setImmediate(() => {
      scheduled = false;
      scheduler.tick();
      wake();
    });
  };
  const answer = (id: number, ids: () => number[]): void => {
    try {
      send({ type: 'ids', id, ids: ids() });
    } catch (error) {
      send({ type: 'rejected', id, error: packError(error) });
    }
  };
  port?.on('message', (request: Request) => {
    if (request.type === 'run') scheduler.addRun(request.id, request.run, request.credit);
    else if (request.type === 'credit') scheduler.addCredit(request.id, request.count);
    else if (request.type === 'abort') scheduler.abort(request.id);
    else if (request.type === 'chat')
      answer(request.id, () => template.encode(request.messages, { addGenerationPrompt: true }));
    else if (request.type === 'text') answer(request.id, () => tokenizer.encode(request.text));
    else {
      const { id, disclosure, sampling, trace } = request;
      scheduler.addReplay({
        disclosure,
        sampling,
        trace,
        onProgress: (done, total) => send({ type: 'progress', id, done, total }),
        resolve: (outcome) => send({ type: 'outcome', id, outcome }),
        reject: (error) => send({ type: 'rejected', id, error: packError(error) }),
      });
    }
    wake();
  });
}

try {
  const loaded = await load();
  serve(loaded);
  send({ type: 'loaded', model: loaded.facts, setup: loaded.setup });
} catch (error) {
  send({ type: 'failed', error: packError(error) });
}

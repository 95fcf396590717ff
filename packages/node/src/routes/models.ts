// GET /v1/models and /v1/models/{id}: OpenAI's list, with the digest that makes a name mean something.
import { RunproofError } from '@runproof/protocol';
import type { NodeContext, RequestContext } from '../context.ts';
import type { EngineModel } from '../ports.ts';

function modelObject(model: EngineModel): object {
  return {
    id: model.name,
    object: 'model',
    created: model.createdSeconds,
    owned_by: 'runproof',
    digest: model.digest,
    context_length: model.contextLength,
  };
}

export function listModels(node: NodeContext, context: RequestContext): Response {
  return context.json(200, { object: 'list', data: [modelObject(node.engine.model)] });
}

/** `id` is a name or a digest. */
export function getModel(node: NodeContext, context: RequestContext, id: string): Response {
  const { model } = node.engine;
  if (id === model.name || id === model.digest) return context.json(200, modelObject(model));
  throw new RunproofError('MODEL_NOT_FOUND', 'This node serves no model of that name.', { parameter: 'model' });
}

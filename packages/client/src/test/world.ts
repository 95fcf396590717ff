// A real node, and somebody in the middle who may change what it says.
import { promptOfRequest } from '@runproof/protocol';
import type { Replayer } from '@runproof/verify';
import { expect } from 'vitest';
import { policyHint } from '../../../node/src/routes/about.ts';
import { createKit, type Kit } from '../../../node/src/test/kit.ts';
import { VerificationError } from '../errors.ts';
import type { FetchFunction } from '../exchange.ts';

export interface Sent {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string;
}

/** Changes one response of the node. `text` is its whole body. */
export type Tamper = (text: string, response: Response) => string | Response;

export interface World {
  readonly kit: Kit;
  readonly policy: string;
  readonly replay: Replayer;
  readonly sent: Sent[];
  /** applied to answers of runs */
  tamper: Tamper | null;
  /** applied to receipts */
  tamperReceipt: Tamper | null;
  readonly fetch: FetchFunction;
}

async function changed(response: Response, tamper: Tamper): Promise<Response> {
  const made = tamper(await response.text(), response);
  return made instanceof Response ? made : new Response(made, { status: response.status, headers: response.headers });
}

export function createWorld(): World {
  const kit = createKit();
  const { engine } = kit;
  const world: World = {
    kit,
    policy: policyHint(kit),
    replay: {
      modelDigest: engine.model.digest,
      contract: engine.contract,
      contextLength: engine.model.contextLength,
      async encodePrompt(operation, request) {
        const prompt = promptOfRequest(operation, request);
        if (prompt.kind === 'chat') return engine.encodeChat(prompt.messages);
        return prompt.kind === 'text' ? engine.encodeText(prompt.text) : [...prompt.ids];
      },
      replay: (disclosure, sampling, trace) => engine.replay(disclosure, sampling, trace),
    },
    sent: [],
    tamper: null,
    tamperReceipt: null,
    async fetch(input, init) {
      const request = new Request(input, init);
      const body = await request.clone().text();
      world.sent.push({ url: request.url, method: request.method, headers: request.headers, body });
      const response = await kit.node.fetch(request);
      const tamper =
        request.method === 'POST' ? world.tamper : request.url.includes('/receipts/') ? world.tamperReceipt : null;
      return tamper === null ? response : changed(response, tamper);
    },
  };
  return world;
}

export const CHAT_URL = 'http://node.test/v1/chat/completions';
export const TEXT_URL = 'http://node.test/v1/completions';

export function post(body: unknown): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

/** The response with other headers. */
export function withHeaders(text: string, response: Response, change: (headers: Headers) => void): Response {
  const headers = new Headers(response.headers);
  change(headers);
  return new Response(text, { status: 200, headers });
}

/** What `work` rejects with, which must be a `VerificationError`. */
export async function failureOf(work: () => Promise<unknown>): Promise<VerificationError> {
  const error = await work().then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(VerificationError);
  return error as VerificationError;
}

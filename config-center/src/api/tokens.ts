import { ADMIN_API, modelsResponse, tokenizeResponse } from '@ai-gateway/contracts';
import type { Express, RequestHandler } from 'express';
import { z } from 'zod';
import { Refusal } from '../domain/faults.ts';
import { handle } from './handle.ts';

export interface TokenOptions {
  readonly tokenServiceUrl: URL;
  readonly authorize: RequestHandler;
}

const TIMEOUT_MS = 3_000;

/** What the token service says when it refuses; `detail` is the sentence where `error` is a word. */
const refusedShape = z.object({ error: z.string(), detail: z.string().optional() });

/** Tokens of texts and how models are counted, asked of the token service. */
export function tokenRoutes(app: Express, { tokenServiceUrl, authorize }: TokenOptions): void {
  handle(app, ADMIN_API.tokens.tokenize, authorize, ({ body }) =>
    ask(new URL('/tokenize', tokenServiceUrl), tokenizeResponse, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  );
  handle(app, ADMIN_API.tokens.models, authorize, () => ask(new URL('/models', tokenServiceUrl), modelsResponse));
}

/** @throws Refusal 400 with what the token service refuses, 503 when it does not give an answer of this shape */
async function ask<T extends z.ZodType>(url: URL, shape: T, question: RequestInit = {}): Promise<z.infer<T>> {
  const reply = await replyOf(url, question);
  const answer = shape.safeParse(reply?.body);
  if (reply?.status === 200 && answer.success) return answer.data;

  const refused = refusedShape.safeParse(reply?.body);
  const isRefused = reply !== undefined && reply.status >= 400 && reply.status < 500;
  if (isRefused && refused.success) throw new Refusal(400, refused.data.detail ?? refused.data.error);
  throw new Refusal(503, 'The token service does not answer.');
}

async function replyOf(url: URL, question: RequestInit): Promise<{ status: number; body: unknown } | undefined> {
  try {
    const response = await fetch(url, { ...question, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
    return { status: response.status, body: await response.json() };
  } catch {
    return undefined;
  }
}

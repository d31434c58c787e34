import { calculateResponse, cutResponse } from '@ai-gateway/contracts';
import { LARGEST_RATIO } from '@ai-gateway/tokenizer';
import { Pool } from 'undici';
import type { z } from 'zod';
import { afterAttempt, HEALTHY, isHealthy } from '../domain/target-health.ts';
import type { TokenCounter } from '../services.ts';

export interface TokenServiceOptions {
  readonly url: URL;
  readonly timeoutMs: number;
  readonly nowMs: () => number;
}

/**
 * Counts by the token service over kept-alive connections. After five failures in a row it is left alone for 5 s, so
 * that a hanging service does not hold every request for the whole timeout.
 */
export function httpTokenCounter({
  url,
  timeoutMs,
  nowMs,
}: TokenServiceOptions): TokenCounter & { close(): Promise<void> } {
  const pool = new Pool(url.origin, { connections: 32, connect: { timeout: timeoutMs } });
  let health = HEALTHY;

  async function post<T extends z.ZodType>(path: string, question: unknown, shape: T): Promise<z.infer<T>> {
    if (!isHealthy(health, nowMs())) throw new Error('the token service has failed repeatedly');
    try {
      const answer = await ask(path, question);
      health = afterAttempt(health, 'ok', nowMs());
      return shape.parse(answer);
    } catch (error) {
      health = afterAttempt(health, 'failed', nowMs());
      throw error;
    }
  }

  async function ask(path: string, question: unknown): Promise<unknown> {
    const { statusCode, body } = await pool.request({
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(question),
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    const answer: unknown = await body.json();
    if (statusCode !== 200) throw new Error(`the token service answered ${statusCode}`);
    return answer;
  }

  return {
    async countChat(model, { messages, tools, templateVariables }) {
      const question = { model, messages, tools, chat_template_kwargs: templateVariables };
      const { token_count, exact, ratio } = await post('/calculate', question, calculateResponse);
      return { tokens: token_count, exact, ratio };
    },
    async cut(model, text, maxTokens, from) {
      const answer = await post('/cut', { model, text, max_tokens: maxTokens, from }, cutResponse);
      return {
        tokens: answer.token_count,
        cutAt: answer.cut_at,
        cutTokens: answer.cut_tokens,
        finalAt: answer.final_at,
        finalTokens: answer.final_tokens,
        exact: answer.exact,
        ratio: answer.ratio,
      };
    },
    // It may be a model that is estimated; nobody has said so yet.
    tokensPerByte: () => LARGEST_RATIO,
    close: () => pool.close(),
  };
}

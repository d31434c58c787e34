import { adminError } from '@ai-gateway/contracts';
import { z } from 'zod';
import { Failure } from './failure.ts';

const TIMEOUT_MS = 60_000;

export interface ClientOptions {
  readonly url: string;
  readonly token?: string | undefined;
}

export interface CallOptions {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Calls of the config center. */
export interface Client {
  /**
   * The `data` of the envelope.
   * @throws Failure with the sentence of the config center and every field at fault
   */
  call(method: string, path: string, options?: CallOptions): Promise<unknown>;
  /** An answer without envelope. */
  text(path: string, query: Readonly<Record<string, string>>): Promise<string>;
}

const answerShape = z.looseObject({ data: z.unknown() });

/** A client of one config center. */
export function clientOf({ url, token }: ClientOptions): Client {
  async function send(method: string, path: string, { query = {}, body }: CallOptions): Promise<string> {
    const target = new URL(`${url.replace(/\/+$/, '')}/api/v2${path}`);
    for (const [name, value] of Object.entries(query)) target.searchParams.set(name, value);
    const response = await fetch(target, {
      method,
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }).catch((error: Error) => {
      const { code } = (error.cause ?? {}) as { code?: string };
      throw new Failure(`The config center at ${url} does not answer: ${code ?? error.message}.`);
    });
    const text = await response.text();
    if (!response.ok) throw refusalOf(response.status, text);
    return text;
  }
  return {
    async call(method, path, options = {}) {
      const answer = answerShape.safeParse(parsed(await send(method, path, options)));
      if (answer.success) return answer.data.data;
      throw new Failure(`What answers at ${url} is no config center.`);
    },
    text: (path, query) => send('GET', path, { query }),
  };
}

function refusalOf(status: number, text: string): Failure {
  const refusal = adminError.safeParse(parsed(text));
  if (!refusal.success) return new Failure(`The config center answered ${status}.`);
  const { message, data } = refusal.data;
  const faults = data.errors.map((fault) => `\n  ${fault.path === '' ? '' : `${fault.path}: `}${fault.message}`);
  const hint = status === 401 ? '\nLog in with gatewayctl login --key <file>, or set GATEWAYCTL_TOKEN.' : '';
  return new Failure(`${message}${faults.join('')}${hint}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

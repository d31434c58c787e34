import type { ExplainedRequest, RequestLogRecord } from '@ai-gateway/contracts';

/** A recorded request made ready to be explained, as far as the log knows it. */
export interface RebuiltRequest {
  readonly request: ExplainedRequest;
  readonly recordedInputTokens: number | undefined;
  /** Sentences on what the log does not keep and what stands in its place. */
  readonly notRecorded: readonly string[];
}

/** Rebuilds a request from its record. Its text is gone; its tokens, its maximum and what matchers read are known. */
export function rebuiltRequest(record: RequestLogRecord): RebuiltRequest {
  const { method, path, matched, virtualKeyId, demand, usageSource, inputTokens } = record;
  const hasBody = record.requestedModel !== '';
  // Demands of 0 tokens are of requests that nothing counted the tokens of.
  const counted = demand !== undefined && demand.inputTokens > 0 ? demand.inputTokens : undefined;
  const recorded = counted ?? (usageSource === 'none' ? undefined : inputTokens);
  return {
    request: {
      method,
      path,
      headers: { ...matched?.headers },
      query: { ...matched?.query },
      ...(hasBody && { body: bodyOf(record) }),
      ...(virtualKeyId !== undefined && { virtualKeyId }),
    },
    recordedInputTokens: recorded,
    notRecorded: [
      'Headers, query parameters and fields of the body that no matcher reads.',
      ...(virtualKeyId === undefined ? ['The credentials, so it is explained without a virtual key.'] : []),
      ...(hasBody ? ['The messages and tools: an empty message stands for them.'] : ['The body.']),
      ...(hasBody && recorded === undefined ? ['How many tokens the input had: those of an empty message count.'] : []),
    ],
  };
}

function bodyOf({ path, matched, requestedModel, isStream, clientMaxTokens, choices }: RequestLogRecord): object {
  const body: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(matched?.body ?? {})) put(body, field.split('.'), value);
  return {
    ...body,
    model: requestedModel,
    stream: isStream,
    ...inputOf(path, choices),
    ...(clientMaxTokens !== undefined && { [maximumOf(path)]: clientMaxTokens }),
  };
}

/** An empty input in the form of the endpoint, that asks for so many answers. */
function inputOf(path: string, choices: number): object {
  if (path === '/v1/embeddings' || path === '/v1/responses') return { input: '' };
  if (path === '/v1/completions') return { prompt: choices > 1 ? new Array(choices).fill('') : '' };
  return { messages: [{ role: 'user', content: '' }], ...(choices > 1 && { n: choices }) };
}

function maximumOf(path: string): string {
  return path === '/v1/responses' ? 'max_output_tokens' : 'max_tokens';
}

/** Sets a value at a path of steps; the steps come from matchers, so none may reach a prototype. */
function put(into: Record<string, unknown>, [step = '', ...rest]: readonly string[], value: string): void {
  if (step === '__proto__') return;
  if (rest.length === 0) {
    into[step] = value;
    return;
  }
  const known = Object.hasOwn(into, step) ? into[step] : undefined;
  const next = typeof known === 'object' && known !== null ? (known as Record<string, unknown>) : {};
  into[step] = next;
  put(next, rest, value);
}

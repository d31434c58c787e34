/** A request as it is typed; empty texts are parts that it does not have. */
export interface TypedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: string;
  readonly body?: string;
  readonly virtualKeyId?: string;
}

/** A request as it is asked about. */
export interface AskedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: unknown;
  readonly virtualKeyId?: string;
}

/** The request that was typed. */
export function requestOf({ method, path, headers, body, virtualKeyId }: TypedRequest): AskedRequest {
  return {
    method,
    path,
    headers: headersIn(headers ?? ''),
    ...(body?.trim() && { body: JSON.parse(body) as unknown }),
    ...(virtualKeyId !== undefined && { virtualKeyId }),
  };
}

/**
 * Headers written as a JSON object or as lines of `Name: value`.
 * @throws Error with what is wrong, in a place if there is one
 */
export function headersIn(text: string): Record<string, string> {
  return text.trim().startsWith('{') ? headersOfJson(text) : headersOfLines(text);
}

function headersOfJson(text: string): Record<string, string> {
  const entries = Object.entries(JSON.parse(text) as object);
  return Object.fromEntries(
    entries.map(([name, value]) => {
      if (typeof value === 'object') throw new Error(name);
      return [name, String(value)];
    }),
  );
}

function headersOfLines(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, value] = /^\s*([^\s:]+)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
      if (name === undefined || value === undefined) throw new Error(line.trim());
      return [name, value];
    }),
  );
}

/** A JSON object whose fields are not known to be anything yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The value if it is a JSON object. */
export function objectIn(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

/** The objects of a list; none when it is no list. */
export function objectsIn(value: unknown): readonly JsonObject[] {
  if (!Array.isArray(value)) return [];
  return value.map(objectIn).filter((item) => item !== undefined);
}

/** The value if it is text, else an empty text. */
export function textIn(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The value if it is a whole number of at least zero, else zero. */
export function countIn(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
}

/** Was something said? Null is how many clients leave a field out. */
export function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** The object in a JSON text; undefined when it holds none. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    return objectIn(JSON.parse(text));
  } catch {
    return undefined;
  }
}

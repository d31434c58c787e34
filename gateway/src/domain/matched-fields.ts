import {
  type Condition,
  MATCHED_VALUE_LENGTH,
  type MatchedFields,
  type RequestView,
  readField,
} from '@ai-gateway/contracts';

/** Headers that carry credentials: never recorded, whatever matches on them. */
const CREDENTIALS =
  /^(authorization|proxy-authorization|cookie|x-virtual-key|.*(api[-_]?key|token|secret|password).*)$/i;

/** First words of body fields that hold what people wrote. */
const PROMPTS = new Set([
  'messages',
  'prompt',
  'input',
  'system',
  'instructions',
  'contents',
  'tools',
  'functions',
  'suffix',
]);

/** A field that rules read; `field` of a header is in lower case. */
type Field = Pick<Condition, 'source' | 'field'>;

/** Fields that records keep, of those that matchers read: what decides must be known to explain it later. */
export function recordedFieldsOf(matchers: readonly Field[]): readonly Field[] {
  const fields = new Map<string, Field>();
  for (const { source, field } of matchers) {
    const name = source === 'header' ? field.toLowerCase() : field;
    if (source === 'path' || CREDENTIALS.test(name)) continue;
    if (source === 'body' && PROMPTS.has(name.split('.', 1)[0] ?? '')) continue;
    fields.set(`${source} ${name}`, { source, field: name });
  }
  return [...fields.values()];
}

/** Values of recorded fields in a request, cut to length; undefined when it has none of them. */
export function matchedFieldsOf(fields: readonly Field[], request: RequestView): MatchedFields | undefined {
  let found: MatchedFields | undefined;
  for (const field of fields) {
    const value = readField(field, request);
    if (value === undefined) continue;
    found ??= { headers: {}, query: {}, body: {} };
    const kept = value.slice(0, MATCHED_VALUE_LENGTH);
    if (field.source === 'header') found.headers[field.field] = kept;
    else if (field.source === 'query') found.query[field.field] = kept;
    else if (field.source === 'body') found.body[field.field] = kept;
  }
  return found;
}

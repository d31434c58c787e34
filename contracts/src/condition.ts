import { z } from 'zod';

/** Where a condition reads its value from. Header names are compared without case. */
export const conditionSource = z.enum(['header', 'body', 'query', 'path']);

/** How the value that was read is compared with the condition's `value`. */
export const conditionOperator = z.enum([
  'equals',
  'not_equals',
  'contains',
  'not_contains',
  'starts_with',
  'ends_with',
  'regex',
  'in',
  'greater_than',
  'greater_than_or_equal',
  'less_than',
  'less_than_or_equal',
]);

/** Longest regular expression an operator may save; patterns run on RE2 semantics (linear time). */
export const MAX_REGEX_LENGTH = 256;

/**
 * One test on a request.
 * `field` is a header name, a query parameter, or a dotted path in the JSON body (`metadata.tier`, `messages.0.role`);
 * it is ignored for `path`. `in` takes a comma-separated list; the four ordering operators compare numbers.
 */
export const conditionShape = z.object({
  source: conditionSource,
  field: z.string().max(200).default(''),
  operator: conditionOperator,
  value: z.string().max(2000),
});

export type ConditionSource = z.infer<typeof conditionSource>;
export type ConditionOperator = z.infer<typeof conditionOperator>;
export type Condition = z.infer<typeof conditionShape>;

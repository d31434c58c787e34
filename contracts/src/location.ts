import { z } from 'zod';
import { priority } from './namespace.ts';
import { unsupportedAction } from './routing.ts';

/**
 * Headers that a location may send upstream: no credential, nothing that the gateway itself sets, nothing that frames
 * the request.
 */
const addedHeader = z
  .string()
  .regex(
    /^(x-[a-z0-9-]{1,60}|openai-(beta|organization|project)|anthropic-beta|http-referer)$/,
    'a lower-case header name that begins with x-, or openai-beta, openai-organization, openai-project, anthropic-beta, http-referer',
  )
  .refine(
    (name) => !/key|token|secret|auth|cookie|^x-(request-id|forwarded|real-ip|gateway|namespace)/.test(name),
    'credentials and headers of the gateway itself cannot be set here',
  );

/**
 * A path rule: which requests, by path, go where and under which path. The first that matches, by ascending priority, is
 * the only one that acts.
 */
export const locationShape = z.object({
  id: z.string(),
  name: z.string().max(100).default(''),
  /** An exact path; a prefix when it ends in `/`; the whole path where `*` stands for any part; or a regular expression. */
  path: z.string().min(1).max(256),
  /** `path` is a regular expression (RE2) for the whole path. */
  isRegex: z.boolean().default(false),
  /** The path to go on with; `*` repeats what was matched, `$1` a group. Absent: the path stays. */
  rewriteTo: z.string().max(256).optional(),
  providerId: z.string().optional(),
  /** The upstream that is tried first; its provider's others stand in while it is switched off or unhealthy. */
  upstreamId: z.string().optional(),
  /** Headers sent upstream with each request, by lower-case name. */
  addHeaders: z.record(addedHeader, z.string().regex(/^[\x20-\x7e]{1,500}$/, 'printable ASCII characters')).default({}),
  /** Absent: as the namespace says, else the provider. */
  onUnsupported: unsupportedAction.optional(),
  priority,
  isEnabled: z.boolean().default(true),
});

export type Location = z.infer<typeof locationShape>;

import { z } from 'zod';

/** Something about a rule that is allowed and hardly meant (`warning`), or that no request could live with (`error`). */
export const lintFinding = z.object({
  severity: z.enum(['error', 'warning']),
  /** Which test found it: `matcher-shadowed`. */
  rule: z.string(),
  /** List of the rules: `matchers`. */
  kind: z.string(),
  id: z.string(),
  name: z.string(),
  /** Where the row is found; absent for rows of no namespace. */
  namespaceId: z.string().optional(),
  /** Field at fault; empty for the row as a whole. */
  path: z.string(),
  message: z.string(),
});

export type LintFinding = z.infer<typeof lintFinding>;

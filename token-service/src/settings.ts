import { z } from 'zod';

/** The token service's environment. */
export const settingsShape = z.object({
  HOST: z.string().default('127.0.0.1'),
  TOKEN_SERVICE_PORT: z.coerce.number().int().min(0).max(65_535).default(8002),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  TOKEN_MAX_BODY_BYTES: z.coerce.number().int().min(1024).max(268_435_456).default(16_777_216),
  TOKEN_WORKERS: z.coerce.number().int().min(1).max(64).default(1),
});

export type Settings = z.infer<typeof settingsShape>;

/**
 * Settings from the environment; an empty variable counts as unset.
 * @throws Error that names every faulty variable and what is expected of it
 */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = settingsShape.safeParse(given);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `  ${path.join('.')}: ${message}`);
  throw new Error(`These settings of the token service are wrong:\n${faults.join('\n')}`);
}

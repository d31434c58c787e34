import { z } from 'zod';

/** The dashboard server's environment. */
export const settingsShape = z.object({
  HOST: z.string().default('127.0.0.1'),
  FRONTEND_PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  CONFIG_CENTER_URL: z.url({ protocol: /^https?$/ }).default('http://127.0.0.1:8001'),
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
  throw new Error(`These settings of the dashboard server are wrong:\n${faults.join('\n')}`);
}

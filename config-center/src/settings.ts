import { z } from 'zod';

const secret = z
  .string()
  .min(32, 'at least 32 characters; make one with: openssl rand -hex 32')
  .refine((value) => !value.includes('CHANGE_ME'), 'still the placeholder of env.example');

/** The config center's environment. */
export const settingsShape = z.object({
  HOST: z.string().default('127.0.0.1'),
  CONFIG_CENTER_PORT: z.coerce.number().int().min(0).max(65_535).default(8001),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  DATABASE_URL: z
    .string()
    .regex(/^sqlite:.+/, 'sqlite:<path of the file>')
    .default('sqlite:data/config.db'),
  GATEWAY_TOKEN: secret,
  KEY_PEPPER: secret,
  ADMIN_TOKEN: secret.optional(),
  LOGIN_CODE: z.string().min(20, 'at least 20 characters').optional(),
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).default('http://localhost:8080'),
  SEED_DEMO: z.stringbool().default(true),
  MOCK_LLM_URL: z.url({ protocol: /^https?$/ }).default('http://127.0.0.1:8003'),
  OPENAI_API_KEY: z.string().optional(),
  OPENAI_BASE_URL: z.url({ protocol: /^https?$/ }).default('https://api.openai.com/v1'),
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
  const faults = parsed.error.issues.map(({ path, message }) => {
    const name = path.join('.');
    return `  ${name}: ${given[name] === undefined ? 'not set; ' : ''}${message}`;
  });
  throw new Error(`These settings of the config center are missing or wrong:\n${faults.join('\n')}`);
}

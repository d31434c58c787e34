import { z } from 'zod';

/** A TCP port; 0 takes any free one. */
export const portSetting = z.coerce.number().int().min(0).max(65_535);

export const logLevelSetting = z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info');

/** A secret that services share: long, and not the placeholder of env.example. */
export const secretSetting = z
  .string()
  .min(32, 'at least 32 characters; make one with: openssl rand -hex 32')
  .refine((value) => !value.includes('CHANGE_ME'), 'still the placeholder of env.example');

/** Where a service of ours listens: `http://host:port`, also as `host:port`, with a trailing slash or with a full path. */
export const serviceUrl = z
  .string()
  .transform((value) => (value.includes('://') ? value : `http://${value}`))
  .pipe(z.url({ protocol: /^https?$/ }))
  .transform((value) => new URL(value));

/** A Redis server: `redis://user:password@host:6379/0`, or `rediss://` for TLS. */
export const redisUrlSetting = z.url({ protocol: /^rediss?$/ }).transform((value) => new URL(value));

/**
 * Settings of a service from its environment; an empty variable counts as unset.
 * @throws Error that names every faulty variable and what is expected of it
 */
export function readSettings<T extends z.ZodObject>(
  shape: T,
  service: string,
  environment: Readonly<Record<string, string | undefined>>,
): z.infer<T> {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = shape.safeParse(given);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => {
    const name = path.join('.');
    return `  ${name}: ${given[name] === undefined ? 'not set; ' : ''}${message}`;
  });
  throw new Error(`These settings of the ${service} are missing or wrong:\n${faults.join('\n')}`);
}

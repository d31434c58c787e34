import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';

const sessionShape = z.object({ url: z.string(), token: z.string(), expiresAt: z.string() });

/** A login that is kept between calls. */
export type Session = z.infer<typeof sessionShape>;

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the session is kept; readable by its owner alone. */
export function sessionFile({ XDG_CONFIG_HOME }: Environment): string {
  return join(XDG_CONFIG_HOME || join(homedir(), '.config'), 'gatewayctl', 'session.json');
}

/** The session that is kept, unless it has expired or is none. */
export async function readSession(environment: Environment, nowMs: number): Promise<Session | undefined> {
  const text = await readFile(sessionFile(environment), 'utf8').catch(() => 'null');
  const { data } = sessionShape.safeParse(parsed(text));
  return data !== undefined && Date.parse(data.expiresAt) > nowMs ? data : undefined;
}

/** Keeps a session with mode 600, whatever the file had before. */
export async function writeSession(environment: Environment, session: Session): Promise<void> {
  const file = sessionFile(environment);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, JSON.stringify(session), { mode: 0o600, flag: 'wx' });
  await rename(draft, file);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

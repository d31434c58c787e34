import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { clientOf } from './client.ts';
import { type CommandLine, HELP, readCommandLine } from './command-line.ts';
import { COMMANDS } from './commands.ts';
import { type ExitCode, Failure, usageFailure } from './failure.ts';
import { logIn } from './login.ts';
import { readSession, sessionFile, writeSession } from './session.ts';

const DEFAULT_URL = 'http://127.0.0.1:8001';

/** What the program has around it. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  readonly nowMs: () => number;
}

/** Runs one command line; the answer is its exit code. */
export async function run(words: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  try {
    return await runLine(readCommandLine(words), surroundings);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    surroundings.error(`${error.message}\n`);
    return error.exitCode;
  }
}

async function runLine(line: CommandLine, { environment, out, nowMs }: Surroundings): Promise<ExitCode> {
  if (line.command === 'help') {
    out(HELP);
    return 0;
  }
  const session = await readSession(environment, nowMs());
  const url = line.url ?? environment.GATEWAYCTL_URL ?? session?.url ?? DEFAULT_URL;
  if (!URL.canParse(url)) throw usageFailure(`"${url}" is no URL.`);
  if (line.command === 'login') {
    if (line.key === undefined) throw usageFailure('login needs --key <file>.');
    const fresh = await logIn(clientOf({ url }), line.key);
    await writeSession(environment, { url, token: fresh.token, expiresAt: fresh.expiresAt });
    out(`logged in until ${fresh.expiresAt}; kept in ${sessionFile(environment)}\n`);
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, line.command) ? COMMANDS[line.command] : undefined;
  if (command === undefined) throw usageFailure(`There is no command "${line.command}".`);
  // A session is for the config center that gave it, and for no other.
  const token = environment.GATEWAYCTL_TOKEN ?? (session?.url === url ? session.token : undefined);
  const work = {
    line,
    client: clientOf({ url, token }),
    out,
    nowMs,
    readInput: once(() => inputOf(line.file)),
    confirm,
  };
  return command(work);
}

/** Standard input can be read once, and `apply` sends its file twice. */
function once<T>(read: () => Promise<T>): () => Promise<T> {
  let reading: Promise<T> | undefined;
  return () => {
    reading ??= read();
    return reading;
  };
}

async function inputOf(file: string | undefined): Promise<string> {
  if (file === undefined) throw usageFailure('Which file? -f <file>, or -f - for standard input.');
  if (file === '-') return text(process.stdin);
  return readFile(file, 'utf8').catch(() => {
    throw new Failure(`The file ${file} cannot be read.`);
  });
}

async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw usageFailure('Nobody can be asked here: say --yes.');
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await lines.question(question);
  lines.close();
  return /^y(es)?$/i.test(answer.trim());
}

import { parseArgs } from 'node:util';
import { usageFailure } from './failure.ts';
import type { Format } from './output.ts';

export const HELP = `gatewayctl <command> [options]

  login --key <file>              log in with a private key (base64 of the 32-byte Ed25519 seed)
  list <resource> [--filter field=value]...
  get <resource> <id>
  create <resource> -f <file>     from YAML or JSON; - reads standard input
  update <resource> <id> -f <file>
  delete <resource> <id>
  export                          all rules as one file (YAML, or JSON with -o json)
  diff -f <file> [--prune]        what applying the file would change; exit code 3 when there is something
  apply -f <file> [--prune] [--dry-run] [--yes] [--expect <revision>]
  revisions                       the last revisions
  rollback <revision> [--yes]
  lint                            what is doubtful about the rules; exit code 1 when there are errors
  test [<id or name>...]          run policy tests on the rules in force; exit code 1 when one fails
  explain --request-id <id>       why a request of the log is decided so
  explain [--method M] [--path P] [--header name=value]... [--key-id <virtual key>] [--model M] [--message T | -f <body>]
                                  how a request would be decided now
  simulate <namespace> [-f <policies>] [--last 1h | --from T --to T]
                                  what policies (one or a list) would have done to the requests of the log
  usage [--by model,day] [--from <date>] [--to <date>] [--filter sort=cost]...
                                  requests, tokens and cost, of the last day unless said otherwise
  settings [name=value]...        the settings; changes those that are named, and an empty value takes the default
  limits <namespace>              counters and running requests
  top [--once]                    live view; arrows choose a namespace, q ends

Options: --url <config center> (or GATEWAYCTL_URL), -o table|json|yaml
GATEWAYCTL_TOKEN is used instead of a login. Exit codes: 0 ok, 1 failed, 2 wrong command line, 3 differences.
`;

/** A command line that was understood. */
export interface CommandLine {
  readonly command: string;
  readonly operands: readonly string[];
  readonly url: string | undefined;
  readonly key: string | undefined;
  readonly file: string | undefined;
  readonly expect: string | undefined;
  readonly by: string | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** Such as `90m`, `12h` or `7d`, up to now. */
  readonly last: string | undefined;
  readonly format: Format;
  readonly filters: Readonly<Record<string, string>>;
  readonly isPruning: boolean;
  readonly isDryRun: boolean;
  readonly isConfirmed: boolean;
  readonly isOnce: boolean;
  readonly request: RequestFlags;
}

/** The request that is to be explained. */
export interface RequestFlags {
  readonly requestId: string | undefined;
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly virtualKeyId: string | undefined;
  readonly model: string | undefined;
  readonly message: string | undefined;
}

/** @throws Failure with exit code 2 */
export function readCommandLine(words: readonly string[]): CommandLine {
  const { values, positionals } = parsedWords(words);
  const [command = 'help', ...operands] = positionals;
  return {
    command: values.help === true ? 'help' : command,
    operands,
    url: values.url,
    key: values.key,
    file: values.file,
    expect: values.expect,
    by: values.by,
    from: values.from,
    to: values.to,
    last: values.last,
    format: formatOf(values.output ?? 'table'),
    filters: Object.fromEntries((values.filter ?? []).map(filterOf)),
    request: {
      requestId: values['request-id'],
      method: values.method,
      path: values.path,
      headers: Object.fromEntries((values.header ?? []).map(headerOf)),
      virtualKeyId: values['key-id'],
      model: values.model,
      message: values.message,
    },
    isPruning: values.prune === true,
    isDryRun: values['dry-run'] === true,
    isConfirmed: values.yes === true,
    isOnce: values.once === true,
  };
}

function parsedWords(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        url: { type: 'string' },
        key: { type: 'string' },
        file: { type: 'string', short: 'f' },
        expect: { type: 'string' },
        by: { type: 'string' },
        from: { type: 'string' },
        to: { type: 'string' },
        output: { type: 'string', short: 'o' },
        filter: { type: 'string', multiple: true },
        prune: { type: 'boolean' },
        'dry-run': { type: 'boolean' },
        yes: { type: 'boolean', short: 'y' },
        once: { type: 'boolean' },
        'request-id': { type: 'string' },
        method: { type: 'string' },
        path: { type: 'string' },
        header: { type: 'string', multiple: true },
        'key-id': { type: 'string' },
        model: { type: 'string' },
        message: { type: 'string' },
        last: { type: 'string' },
      },
    });
  } catch (error) {
    throw usageFailure(error instanceof Error ? error.message : String(error));
  }
}

function formatOf(text: string): Format {
  if (text === 'table' || text === 'json' || text === 'yaml') return text;
  throw usageFailure(`-o takes table, json or yaml, not "${text}".`);
}

function filterOf(text: string): readonly [string, string] {
  const [, field, value] = /^([A-Za-z]+)=(.*)$/.exec(text) ?? [];
  if (field === undefined || value === undefined) throw usageFailure(`--filter takes field=value, not "${text}".`);
  return [field, value];
}

function headerOf(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw usageFailure(`--header takes name=value, not "${text}".`);
  return [text.slice(0, at), text.slice(at + 1)];
}

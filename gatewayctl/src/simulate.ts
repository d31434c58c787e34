import { ADMIN_API, type Simulation } from '@ai-gateway/contracts';
import { parse } from 'yaml';
import type { CommandLine } from './command-line.ts';
import { type ExitCode, Failure, usageFailure } from './failure.ts';
import { instantOf } from './instant.ts';
import { formatted, plain, tableOf } from './output.ts';
import type { Work } from './work.ts';

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Replays the log of a namespace under draft policies, or under the rules as they are. */
export async function simulate({ line, client, out, nowMs, readInput }: Work): Promise<ExitCode> {
  const [namespace] = line.operands;
  if (namespace === undefined) throw usageFailure('Which namespace? Its code or id.');
  const range = rangeOf(line, nowMs());
  const policies = line.file === undefined ? [] : policiesIn(await readInput());
  const namespaceId = await idOf(client, namespace);
  const { path, response } = ADMIN_API.simulate.simulate;
  const body = { namespaceId, policies, ...range };
  const simulated = response.parse(await client.call('POST', path, { body }));
  out(line.format === 'table' ? textOf(simulated) : formatted(simulated, line.format));
  return 0;
}

async function idOf(client: Work['client'], namespace: string): Promise<string> {
  const { path, response } = ADMIN_API.namespaces.list;
  const query = { keyword: namespace, size: '100' };
  const { items } = response.parse(await client.call('GET', path, { query }));
  return items.find(({ code }) => code === namespace)?.id ?? namespace;
}

/** One policy or a list of them, as the API takes them. */
function policiesIn(text: string): readonly unknown[] {
  try {
    const value: unknown = parse(text);
    return Array.isArray(value) ? value : [value];
  } catch (error) {
    throw new Failure(`The file is not valid YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** @throws Failure with exit code 2 when it is no range */
function rangeOf(
  { from, to, last = '1h' }: Pick<CommandLine, 'from' | 'to' | 'last'>,
  nowMs: number,
): { readonly from: string; readonly to: string } {
  const until = to === undefined ? new Date(nowMs).toISOString() : instantOf(to);
  if (from !== undefined) return { from: instantOf(from), to: until };
  const [, count, unit = ''] = /^(\d{1,4})([mhd])$/.exec(last) ?? [];
  const unitMs = UNIT_MS[unit];
  if (unitMs === undefined) throw usageFailure(`--last takes a duration such as 90m, 12h or 7d, not "${last}".`);
  const untilMs = Date.parse(until);
  if (Number.isNaN(untilMs)) throw usageFailure(`--to takes a time such as 2026-05-01T12:00:00Z, not "${until}".`);
  return { from: new Date(untilMs - Number(count) * unitMs).toISOString(), to: until };
}

function textOf({
  total,
  byPolicy,
  byKey,
  notReplayed,
  isTruncated,
  replayedTo,
  unrecordedFields,
}: Simulation): string {
  const { requests, refused, waited, cut, tokensLost, actual } = total;
  const lines = [
    `${requests} requests: ${refused} would be refused (${actual.refused} were), ${waited} would wait (${actual.waited} did), ${cut} would be cut (${actual.cut} were), ${tokensLost} output tokens lost`,
    ...(notReplayed > 0 ? [`${notReplayed} never came to the limits and are not replayed`] : []),
    ...(isTruncated ? [`there are more requests: replayed up to ${replayedTo}`] : []),
    ...unrecordedFields.map((field) => `the log does not keep ${plain(field)}: conditions on it never match here`),
  ];
  const policies = byPolicy.map(({ policyName, first, ...counts }) => ({
    policy: policyName,
    ...counts,
    first: first[0]?.at,
  }));
  const keys = byKey.map(({ name, virtualKeyId, ...counts }) => ({
    key: name ?? virtualKeyId ?? 'without a key',
    requests: counts.requests,
    refused: counts.refused,
    cut: counts.cut,
  }));
  return [
    `${lines.join('\n')}\n`,
    tableOf(policies, ['policy', 'refused', 'observed', 'cut', 'first']),
    tableOf(keys, ['key', 'requests', 'refused', 'cut']),
  ].join('\n');
}

import { ADMIN_API, lintFinding, type RuleSetPlan, ruleSetPlan } from '@ai-gateway/contracts';
import { parse } from 'yaml';
import { z } from 'zod';
import type { CommandLine } from './command-line.ts';
import { explain } from './explain.ts';
import { Failure, usageFailure } from './failure.ts';
import { instantOf } from './instant.ts';
import { formatted, tableOf } from './output.ts';
import { findingLine, planText } from './plan-text.ts';
import { runTests } from './policy-tests.ts';
import { resourcePath } from './resources.ts';
import { simulate } from './simulate.ts';
import { lookAtTop, watchTop } from './top.ts';
import { topLines } from './top-view.ts';
import { usageTable } from './usage-table.ts';
import type { Command, Work } from './work.ts';

/** What `list` asks for at a time: the most that the config center gives. */
const PAGE_SIZE = 100;

const removedShape = z.object({ warnings: z.array(lintFinding).optional() });
const pageShape = z.object({ items: z.array(z.record(z.string(), z.unknown())) });

/** The commands that talk to the config center, by name. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  list: async ({ line, client, out }) => {
    const path = resourcePath(line.operands[0]);
    const rows: Record<string, unknown>[] = [];
    for (let page = 1; ; page++) {
      const query = { ...line.filters, page: String(page), size: String(PAGE_SIZE) };
      const { items } = pageShape.parse(await client.call('GET', path, { query }));
      rows.push(...items);
      if (items.length < PAGE_SIZE) break;
    }
    out(formatted(rows, line.format));
    return 0;
  },
  get: async ({ line, client, out }) => {
    out(formatted(await client.call('GET', rowPath(line)), line.format));
    return 0;
  },
  create: async (work) => {
    const body = await draftOf(work);
    work.out(
      formatted(await work.client.call('POST', resourcePath(work.line.operands[0]), { body }), work.line.format),
    );
    return 0;
  },
  update: async (work) => {
    const body = await draftOf(work);
    work.out(formatted(await work.client.call('PUT', rowPath(work.line), { body }), work.line.format));
    return 0;
  },
  delete: async ({ line, client, out }) => {
    const { warnings = [] } = removedShape.parse(await client.call('DELETE', rowPath(line)));
    out(`deleted ${line.operands.join(' ')}\n`);
    for (const warning of warnings) out(findingLine(warning));
    return 0;
  },
  export: async ({ line, client, out }) => {
    const { path, response } = ADMIN_API.ruleSet.export;
    const isJson = line.format === 'json';
    if (!isJson) out(await client.text(path, { format: 'yaml' }));
    else out(formatted(response.parse(await client.call('GET', path)).file, 'json'));
    return 0;
  },
  diff: async (work) => {
    const plan = await planOf(work, ADMIN_API.ruleSet.diff.path, {});
    work.out(planText(plan, work.line.format));
    return plan.changes.length === 0 ? 0 : 3;
  },
  apply: async (work) => {
    const { line, confirm, out } = work;
    const { path } = ADMIN_API.ruleSet.apply;
    const expectedRevision = line.expect === undefined ? undefined : numberOf(line.expect);
    const shown = await planOf(work, path, {
      dryRun: true,
      ...(expectedRevision !== undefined && { expectedRevision }),
    });
    out(planText(shown, line.format));
    if (line.isDryRun || shown.changes.length === 0) return 0;
    if (!line.isConfirmed && !(await confirm('Apply? [y/N] '))) throw new Failure('Nothing was applied.');
    // What was shown is what is applied, or nothing.
    const applied = await planOf(work, path, { expectedRevision: shown.revision });
    if (line.format === 'table') out(`applied as revision ${applied.revision}\n`);
    return 0;
  },
  revisions: async ({ line, client, out }) => {
    const { path, response } = ADMIN_API.revisions.list;
    const { items } = response.parse(await client.call('GET', path, { query: { size: '50' } }));
    if (line.format !== 'table') out(formatted(items, line.format));
    else
      out(
        tableOf(
          items.map(({ changes, ...row }) => ({ ...row, ...changes })),
          REVISION_COLUMNS,
        ),
      );
    return 0;
  },
  rollback: async ({ line, client, out, confirm }) => {
    const revision = numberOf(line.operands[0]);
    const isWanted = line.isConfirmed || (await confirm(`Go back to the rules of revision ${revision}? [y/N] `));
    if (!isWanted) throw new Failure('Nothing was changed.');
    const { path } = ADMIN_API.revisions.rollBack;
    out(formatted(await client.call('POST', path.replace(':revision', String(revision)), { body: {} }), line.format));
    return 0;
  },
  lint: async ({ line, client, out }) => {
    const { path, response } = ADMIN_API.lint.list;
    const { findings } = response.parse(await client.call('GET', path));
    if (line.format !== 'table') out(formatted(findings, line.format));
    else out(findings.length === 0 ? 'nothing found\n' : findings.map(findingLine).join(''));
    return findings.some(({ severity }) => severity === 'error') ? 1 : 0;
  },
  explain,
  simulate,
  test: runTests,
  limits: async ({ line, client, out }) => {
    const [namespace] = line.operands;
    if (namespace === undefined) throw usageFailure('Which namespace? Its code or id.');
    const { path, response } = ADMIN_API.live.limits;
    const { reports, missing } = response.parse(await client.call('GET', path, { query: { namespace } }));
    const rows = reports.flatMap(({ limits, gatewayId }) => limits.map((limit) => ({ ...limit, gatewayId })));
    if (line.format === 'table') out(tableOf(rows, LIMIT_COLUMNS));
    else out(formatted({ reports, missing }, line.format));
    return 0;
  },
  usage: async ({ line, client, out }) => {
    const { path, response } = ADMIN_API.usage.read;
    const { by, from, to, filters } = line;
    const query = {
      ...filters,
      ...(by !== undefined && { groupBy: by }),
      ...(from !== undefined && { from: instantOf(from) }),
      ...(to !== undefined && { to: instantOf(to) }),
    };
    const report = response.parse(await client.call('GET', path, { query }));
    out(line.format === 'table' ? usageTable(report) : formatted(report, line.format));
    return 0;
  },
  settings: async ({ line, client, out }) => {
    const { read, update } = ADMIN_API.settings;
    const body = Object.fromEntries(line.operands.map(assignmentOf));
    const answer = await (line.operands.length === 0
      ? client.call('GET', read.path)
      : client.call('PATCH', update.path, { body }));
    out(formatted(read.response.parse(answer).values, line.format));
    return 0;
  },
  top: async ({ line, client, out, nowMs }) => {
    if (!line.isOnce && process.stdin.isTTY && process.stdout.isTTY) {
      await watchTop(client, process.stdin, process.stdout);
      return 0;
    }
    const view = await lookAtTop(client, 0, nowMs());
    out(line.format === 'table' ? `${topLines(view).join('\n')}\n` : formatted(view, line.format));
    return 0;
  },
};

const REVISION_COLUMNS = ['revision', 'createdAt', 'added', 'changed', 'removed', 'sizeBytes'];
const LIMIT_COLUMNS = ['policyName', 'countedFor', 'counts', 'current', 'limit', 'remaining', 'resetMs', 'gatewayId'];

function rowPath({ operands: [resource, id] }: CommandLine): string {
  const path = resourcePath(resource);
  if (id === undefined) throw usageFailure('Which id?');
  return `${path}/${encodeURIComponent(id)}`;
}

async function draftOf({ readInput }: Work): Promise<unknown> {
  const text = await readInput();
  try {
    return parse(text);
  } catch (error) {
    throw new Failure(`The file is not valid YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function planOf({ line, client, readInput }: Work, path: string, options: object): Promise<RuleSetPlan> {
  const body = { file: await readInput(), prune: line.isPruning, ...options };
  return ruleSetPlan.parse(await client.call('POST', path, { body }));
}

/** `name=7` as a change; without a value the default comes back. */
function assignmentOf(text: string): readonly [string, number | null] {
  const [, name, value] = /^([A-Za-z]+)=(\d{0,9})$/.exec(text) ?? [];
  if (name === undefined) throw usageFailure(`settings takes name=number, not "${text}".`);
  return [name, value === '' ? null : Number(value)];
}

function numberOf(text: string | undefined): number {
  if (/^\d{1,9}$/.test(text ?? '')) return Number(text);
  throw usageFailure('Which revision? Its number.');
}

import { ADMIN_API, type PolicyTestCaseResult, type PolicyTestResult } from '@ai-gateway/contracts';
import { type ExitCode, usageFailure } from './failure.ts';
import { formatted, plain } from './output.ts';
import type { Work } from './work.ts';

const PAGE_SIZE = '100';

/** Runs policy tests on the rules in force: those that are named, or all that are enabled. 1 when one fails. */
export async function runTests({ line, client, out }: Pick<Work, 'line' | 'client' | 'out'>): Promise<ExitCode> {
  const { path, response } = ADMIN_API.policyTests.run;
  const wanted = line.operands;
  const body = wanted.length === 0 ? {} : { testIds: idsOf(wanted, await allTests(client)) };
  const { revision, results } = response.parse(await client.call('POST', path, { body }));
  if (line.format !== 'table') out(formatted({ revision, results }, line.format));
  else out(`${results.map(lineOf).join('')}${summaryOf(results)} on revision ${revision}\n`);
  return results.every(({ isPassed }) => isPassed) ? 0 : 1;
}

type NamedTest = { readonly id: string; readonly name: string };

async function allTests(client: Work['client']): Promise<readonly NamedTest[]> {
  const { path, response } = ADMIN_API.policyTests.list;
  const tests: NamedTest[] = [];
  for (let page = 1; ; page++) {
    const query = { page: String(page), size: PAGE_SIZE };
    const { items, pages } = response.parse(await client.call('GET', path, { query }));
    tests.push(...items);
    if (page >= pages) return tests;
  }
}

/** @throws Failure that names what no test is called */
function idsOf(wanted: readonly string[], tests: readonly NamedTest[]): readonly string[] {
  return wanted.map((word) => {
    const found = tests.find(({ id, name }) => id === word || name === word);
    if (found === undefined) throw usageFailure(`There is no policy test "${word}".`);
    return found.id;
  });
}

function lineOf({ name, isPassed, cases }: PolicyTestResult): string {
  const failed = cases.filter((one) => !one.isPassed).map(faultOf);
  return `${isPassed ? 'passed' : 'failed'} ${plain(name)}\n${failed.join('')}`;
}

function faultOf({ name, decision, code, policies, message }: PolicyTestCaseResult): string {
  const by = policies.length === 0 ? '' : ` by ${policies.map((policy) => policy.name).join(', ')}`;
  const why = message === undefined ? '' : `: ${message}`;
  return `    ${plain(`${name}: ${decision}${code === undefined ? '' : ` (${code})`}${by}${why}`)}\n`;
}

function summaryOf(results: readonly PolicyTestResult[]): string {
  return `${results.filter(({ isPassed }) => isPassed).length} of ${results.length} passed`;
}

import { ADMIN_API, type ExplainAnswer, type ExplainedRequest } from '@ai-gateway/contracts';
import { parse } from 'yaml';
import { type ExitCode, Failure, usageFailure } from './failure.ts';
import { formatted, plain, tableOf } from './output.ts';
import type { Work } from './work.ts';

/** Why a request of the log is decided so, or how one that is described would be decided now. Takes nothing. */
export async function explain(work: Work): Promise<ExitCode> {
  const { line, client, out } = work;
  const { path, response } = ADMIN_API.explain.explain;
  const answer = response.parse(await client.call('POST', path, { body: await questionOf(work) }));
  out(line.format === 'table' ? textOf(answer) : formatted(answer, line.format));
  return 0;
}

async function questionOf({ line, readInput }: Work): Promise<object> {
  const { requestId, headers, model, message, ...rest } = line.request;
  const isDescribed = [...Object.values(rest), model, message, line.file].some((flag) => flag !== undefined);
  if (requestId !== undefined) {
    if (isDescribed || Object.keys(headers).length > 0)
      throw usageFailure('A request is either described or named by --request-id.');
    return { requestId };
  }
  if (line.file !== undefined && message !== undefined) throw usageFailure('The body is either -f or --message.');
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  const body = line.file === undefined ? bodyOf(model, message) : { ...bodyIn(await readInput()), ...modelOf(model) };
  return { request: { ...given, headers, ...(body !== undefined && { body }) } satisfies Partial<ExplainedRequest> };
}

function bodyOf(model: string | undefined, message: string | undefined): object | undefined {
  if (model === undefined && message === undefined) return undefined;
  return { ...modelOf(model), messages: [{ role: 'user', content: message ?? '' }] };
}

function modelOf(model: string | undefined): object {
  return model === undefined ? {} : { model };
}

/** JSON is YAML too. */
function bodyIn(text: string): object {
  try {
    const value: unknown = parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    throw new Failure(`The body cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  throw new Failure('The body is no JSON object.');
}

function textOf(answer: ExplainAnswer): string {
  const { gatewayId, revision, namespace, caller, model, matchersTried, notRecorded, limitStore } = answer;
  const steps: readonly (readonly [string, string | undefined])[] = [
    ['decision', decisionOf(answer)],
    ['namespace', namespace?.code ?? `none of ${matchersTried} matchers`],
    ['caller', caller && (caller.name ?? caller.virtualKeyId ?? caller.kind)],
    ['model', model && `${model.requested} -> ${model.provider}/${model.resolved}`],
    ['messages', answer.messagePolicies.map(({ policyName, result }) => `${policyName} ${result}`).join(', ')],
    ['caps', answer.caps.map(({ policyName }) => policyName).join(', ')],
    ['input', answer.input && `${answer.input.tokens} tokens, ${answer.input.isExact ? 'exact' : 'estimated'}`],
    ['output cap', answer.outputCap && `${answer.outputCap.tokens} tokens`],
    ['not known', notRecorded.join(', ')],
    ['decided by', `${gatewayId}, revision ${revision}${limitStore === undefined ? '' : `, counters ${limitStore}`}`],
  ];
  const lines = steps.flatMap(([label, text = '']) => (text === '' ? [] : [`${label.padEnd(12)}${plain(text)}\n`]));
  return [lines.join(''), ...tablesOf(answer)].join('\n');
}

function decisionOf({ decision }: ExplainAnswer): string {
  const { kind, stage, code, status, message, passesInMs, maxWaitMs } = decision;
  const when = passesInMs === undefined ? '' : ` It would pass in ${passesInMs} ms.`;
  if (kind === 'admitted') return kind;
  if (kind === 'waits') return `waits up to ${maxWaitMs} ms.${when}`;
  return `refused at ${stage} with ${status} ${code}: ${message}${when}`;
}

function tablesOf({ targets, limits }: ExplainAnswer): readonly string[] {
  const shown = targets.map(({ isChosen, isHealthy, ...target }) => ({
    ...target,
    state: [isChosen ? 'chosen' : '', isHealthy ? '' : 'unhealthy'].filter(Boolean).join(' '),
  }));
  return [
    ...(shown.length === 0 ? [] : [tableOf(shown, ['provider', 'model', 'baseUrl', 'weight', 'state'])]),
    ...(limits.length === 0
      ? []
      : [
          tableOf(limits, ['policyName', 'countedFor', 'counts', 'before', 'after', 'bound', 'isPassed', 'passesInMs']),
        ]),
  ];
}

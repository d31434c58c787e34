import type { Explanation } from './use-explain.ts';

/** Stages of a gateway in their order (docs/request-lifecycle.md); `route` comes before them all. */
const STAGES = [
  'route',
  'parseBody',
  'matchNamespace',
  'authenticate',
  'resolveModel',
  'checkMessage',
  'planLimits',
  'planPassthrough',
  'chooseTargets',
  'countInput',
  'capOutput',
  'reserve',
];

/** Steps of an explanation, each with the stages that decide it. */
const STEPS = {
  request: ['route', 'parseBody'],
  namespace: ['matchNamespace'],
  caller: ['authenticate'],
  model: ['resolveModel'],
  messages: ['checkMessage'],
  targets: ['chooseTargets'],
  tokens: ['countInput', 'capOutput'],
  limits: ['planLimits', 'planPassthrough', 'reserve'],
} as const;

export type StepName = keyof typeof STEPS;

/** All steps, in order. */
export const STEP_NAMES = Object.keys(STEPS) as readonly StepName[]; // The record has every name and nothing else.

/** `open`: the decision fell before it. */
export type StepState = 'passed' | 'refused' | 'waits' | 'open';

/** How far a step went. */
export function stateOf(step: StepName, { kind, stage }: Explanation['decision']): StepState {
  const end = STAGES.indexOf(stage ?? '');
  if (end === -1) return 'passed';
  const stages: readonly string[] = STEPS[step];
  if (stages.includes(STAGES[end] ?? '')) return kind === 'waits' ? 'waits' : 'refused';
  return Math.max(...stages.map((name) => STAGES.indexOf(name))) < end ? 'passed' : 'open';
}

/** Names of the policies of an explanation, by id. */
export function policyNamesOf({ messagePolicies, caps, limits }: Explanation): ReadonlyMap<string, string> {
  return new Map([...messagePolicies, ...caps, ...limits].map(({ policyId, policyName }) => [policyId, policyName]));
}

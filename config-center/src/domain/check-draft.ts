import {
  type Condition,
  conditionFault,
  type Matcher,
  type Policy,
  type Provider,
  type TokenLimit,
  type Upstream,
} from '@ai-gateway/contracts';
import type { Fault } from './faults.ts';

/** Faults of a matcher beyond the shapes of its fields. */
export function checkMatcher(matcher: Pick<Matcher, keyof Condition>): readonly Fault[] {
  return conditionFaults(matcher, '');
}

/** Faults of a policy beyond the shapes of its fields. */
export function checkPolicy({ rule }: Pick<Policy, 'rule'>): readonly Fault[] {
  switch (rule.kind) {
    case 'message-matching':
      return conditionFaults(rule.condition, 'rule.condition.');
    case 'token-limit':
      return tokenLimitFaults(rule);
    case 'qps-limit': {
      const perWindow = rule.maxQps * rule.windowSeconds;
      if (rule.algorithm === 'gcra' || perWindow >= 1) return [];
      return [{ path: 'rule.maxQps', message: `${perWindow} requests per window: strict needs at least one.` }];
    }
    case 'concurrency-limit':
      return [];
    default:
      return rule satisfies never;
  }
}

/** Faults of a provider beyond the shapes of its fields. */
export function checkProvider({ models }: Pick<Provider, 'models'>): readonly Fault[] {
  return models.flatMap((model, index) =>
    models.indexOf(model) === index ? [] : [{ path: `models.${index}`, message: `"${model}" is listed twice.` }],
  );
}

/** Faults of an upstream beyond the shapes of its fields. */
export function checkUpstream({ baseUrl }: Pick<Upstream, 'baseUrl'>): readonly Fault[] {
  const { username, password, search, hash } = new URL(baseUrl);
  if (username === '' && password === '' && search === '' && hash === '') return [];
  return [{ path: 'baseUrl', message: 'A base URL has no user, password, query or fragment.' }];
}

function conditionFaults(condition: Condition, prefix: string): readonly Fault[] {
  const fault = conditionFault(condition);
  return fault === undefined ? [] : [{ path: `${prefix}${fault.field}`, message: fault.message }];
}

function tokenLimitFaults({ maxInputTokens, maxOutputTokens, windows }: TokenLimit): readonly Fault[] {
  if (maxInputTokens === undefined && maxOutputTokens === undefined && windows.length === 0) {
    return [{ path: 'rule', message: 'A token limit needs an input cap, an output cap or a window.' }];
  }
  return windows.flatMap(({ windowSeconds, counts }, index) => {
    const first = windows.findIndex((other) => other.windowSeconds === windowSeconds && other.counts === counts);
    return first === index
      ? []
      : [
          {
            path: `rule.windows.${index}`,
            message: `There already is a window of ${windowSeconds} s for ${counts} tokens.`,
          },
        ];
  });
}

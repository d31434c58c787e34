import {
  type Account,
  type Condition,
  conditionFault,
  type LayeredLimit,
  type Matcher,
  type MessageMatching,
  nanosOf,
  type Policy,
  type Provider,
  type TokenLimit,
  type Upstream,
} from '@ai-gateway/contracts';
import type { Fault } from './faults.ts';

/** A burst that takes longer to fill again is no rate any more, and its instants would leave the safe integers. */
const LONGEST_REFILL_SECONDS = 30 * 24 * 3600;

/** Faults of a matcher beyond the shapes of its fields. */
export function checkMatcher(matcher: Pick<Matcher, keyof Condition>): readonly Fault[] {
  return conditionFaults(matcher, '');
}

/** Faults of a policy beyond the shapes of its fields. */
export function checkPolicy(policy: Pick<Policy, 'rule' | 'scope' | 'countPer'>): readonly Fault[] {
  const { rule, countPer } = policy;
  const repeated = countPer.findIndex((dimension, index) => countPer.indexOf(dimension) !== index);
  if (repeated !== -1) return [{ path: `countPer.${repeated}`, message: 'It is listed twice.' }];
  switch (rule.kind) {
    case 'message-matching':
      return messageFaults(policy, rule);
    case 'request-limit':
    case 'budget-limit':
      return repeatedWindows(rule.windows);
    case 'token-limit':
      return [...tokenLimitFaults(rule), ...upstreamCapFaults(policy, rule)];
    case 'qps-limit': {
      const perWindow = rule.maxQps * rule.windowSeconds;
      const refillSeconds = (rule.burst ?? 1) / rule.maxQps;
      if (refillSeconds > LONGEST_REFILL_SECONDS) {
        return [{ path: 'rule.burst', message: 'The burst would take more than 30 days to fill again.' }];
      }
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

/** A message is judged before a target is chosen, and nothing is counted. */
function messageFaults(
  { scope, countPer }: Pick<Policy, 'scope' | 'countPer'>,
  { condition }: MessageMatching,
): readonly Fault[] {
  const faults = [...conditionFaults(condition, 'rule.condition.')];
  if (scope.upstreamId !== undefined) {
    faults.push({ path: 'scope.upstreamId', message: 'A message is judged before its upstream is chosen.' });
  }
  if (countPer.length > 0) faults.push({ path: 'countPer', message: 'Message matching counts nothing.' });
  return faults;
}

/** Caps of a request are applied before its target is chosen. */
function upstreamCapFaults({ scope }: Pick<Policy, 'scope'>, rule: TokenLimit): readonly Fault[] {
  const isCapped = rule.maxInputTokens !== undefined || rule.maxOutputTokens !== undefined;
  if (scope.upstreamId === undefined || !isCapped) return [];
  return [{ path: 'scope.upstreamId', message: 'Caps of a request hold before its upstream is chosen; windows may.' }];
}

/** Two windows of one length would share a counter. */
function repeatedWindows(windows: readonly { readonly windowSeconds: number }[]): readonly Fault[] {
  return windows.flatMap(({ windowSeconds }, index) =>
    windows.findIndex((other) => other.windowSeconds === windowSeconds) === index
      ? []
      : [{ path: `rule.windows.${index}`, message: `There already is a window of ${windowSeconds} s.` }],
  );
}

/** Faults of a layered limit beyond the shapes of its fields: which level may set what. */
export function checkLayeredLimit(row: Omit<LayeredLimit, 'id'>): readonly Fault[] {
  const { targetType, targetId, providerId, model, limit, countPer } = row;
  const faults: Fault[] = [];
  const refuse = (isFaulty: boolean, path: string, message: string) => {
    if (isFaulty) faults.push({ path, message });
  };
  const isBalance = limit.control === 'soft_limit' || limit.control === 'hard_limit';
  refuse(targetType === 'global' && targetId !== undefined, 'targetId', 'The global level has no target.');
  refuse(targetType !== 'global' && targetId === undefined, 'targetId', `Which ${targetType.replace('_', ' ')}?`);
  refuse(targetType !== 'tenant' && providerId !== undefined, 'providerId', 'Only a tenant has limits per provider.');
  refuse(model !== undefined && providerId === undefined, 'model', 'A model needs its provider.');
  refuse(isBalance && providerId !== undefined, 'providerId', 'A balance has no provider.');
  refuse(limit.control !== 'tpm' && model !== undefined, 'model', 'Only tpm can be set per model.');
  refuse(isBalance && countPer === 'payer', 'countPer', "A balance always is the payer's own.");
  return faults;
}

/** Faults of an account beyond the shapes of its fields. */
export function checkAccount({
  tenantId,
  userId,
  softLimit,
  hardLimit,
}: Pick<Account, 'tenantId' | 'userId' | 'softLimit' | 'hardLimit'>): readonly Fault[] {
  if ((tenantId === undefined) === (userId === undefined)) {
    return [{ path: tenantId === undefined ? 'tenantId' : 'userId', message: 'It is of one tenant or of one user.' }];
  }
  const isReversed = softLimit !== undefined && hardLimit !== undefined && nanosOf(softLimit) < nanosOf(hardLimit);
  return isReversed ? [{ path: 'softLimit', message: 'It is below the hard limit, so it would never warn.' }] : [];
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

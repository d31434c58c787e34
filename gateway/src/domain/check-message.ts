import type { Policy, RequestView } from '@ai-gateway/contracts';
import type { MessageRule } from './compile-snapshot.ts';

/** The first message policy that refuses the request, and those that would have but only observe. */
export interface MessageVerdict {
  readonly refusedBy: Policy | undefined;
  readonly observed: readonly Policy[];
}

/** Applies message-matching policies in order of priority: `allow` needs a match, `deny` needs none. */
export function checkMessage(rules: readonly MessageRule[], request: RequestView): MessageVerdict {
  const observed: Policy[] = [];
  for (const { policy, action, matches } of rules) {
    if (matches(request) === (action === 'allow')) continue;
    if (policy.mode === 'enforce') return { refusedBy: policy, observed };
    observed.push(policy);
  }
  return { refusedBy: undefined, observed };
}

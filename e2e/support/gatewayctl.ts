import { captured } from '../../gatewayctl/test/support/captured.ts';
import { ADMIN_TOKEN, type Stack } from './stack.ts';

/** Runs the command line of operators against a stack. */
export function gatewayctl(stack: Stack, ...words: readonly string[]) {
  return captured(words, { GATEWAYCTL_URL: stack.configCenter.url, GATEWAYCTL_TOKEN: ADMIN_TOKEN });
}

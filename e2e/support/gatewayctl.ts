import { run } from '../../gatewayctl/src/run.ts';
import { ADMIN_TOKEN, type Stack } from './stack.ts';

/** Runs the command line of operators against a stack. */
export async function gatewayctl(stack: Stack, ...words: readonly string[]) {
  let [out, error] = ['', ''];
  const code = await run(words, {
    environment: { GATEWAYCTL_URL: stack.configCenter.url, GATEWAYCTL_TOKEN: ADMIN_TOKEN },
    out: (text) => {
      out += text;
    },
    error: (text) => {
      error += text;
    },
    nowMs: Date.now,
  });
  return { code, out, error };
}

import { run } from '../../src/run.ts';

/** Runs the command line with these words and environment: its exit code and what it wrote. */
export async function captured(words: readonly string[], environment: Readonly<Record<string, string>>) {
  let [out, error] = ['', ''];
  const code = await run(words, {
    environment,
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

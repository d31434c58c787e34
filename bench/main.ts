import { benchGateway } from './gateway.ts';
import { benchGiantEvents } from './giant-events.ts';
import { benchLimits } from './limits.ts';
import { benchPublishing } from './publishing.ts';
import { benchTokens } from './tokens.ts';

/** Benchmarks by name: `npm run bench` runs the first, `npm run bench -- limits` the named ones. */
const BENCHMARKS = {
  gateway: benchGateway,
  'giant-events': benchGiantEvents,
  limits: benchLimits,
  publishing: benchPublishing,
  tokens: benchTokens,
} as const;

type BenchmarkName = keyof typeof BENCHMARKS;

function isBenchmark(name: string): name is BenchmarkName {
  return name in BENCHMARKS;
}

const names = process.argv.length > 2 ? process.argv.slice(2) : ['gateway'];
const known = names.filter(isBenchmark);
if (known.length < names.length) {
  process.stderr.write(`Which benchmarks? Any of: ${Object.keys(BENCHMARKS).join(', ')}\n`);
  process.exit(2);
}
for (const name of known) await BENCHMARKS[name]();

import type { GatewayReport } from '@ai-gateway/contracts';

export interface ReporterOptions {
  readonly report: () => GatewayReport;
  /** Ways to the config center; each gets every report. */
  readonly ways: readonly ((report: GatewayReport) => Promise<void>)[];
}

const PERIOD_MS = 1_000;

/** Tells every second, and when asked, what this gateway runs and counts. A lost report is made up for by the next. */
export interface Reporter {
  now(): void;
  close(): void;
}

export function reporter({ report, ways }: ReporterOptions): Reporter {
  const senders = ways.map((send) => oneAtATime(() => send(report())));
  const now = () => {
    for (const send of senders) send();
  };
  const timer = setInterval(now, PERIOD_MS);
  timer.unref();
  return { now, close: () => clearInterval(timer) };
}

/** A call during another one is made up for when that one ends. */
function oneAtATime(send: () => Promise<void>): () => void {
  let isBusy = false;
  let isAsked = false;
  async function run(): Promise<void> {
    isBusy = true;
    do {
      isAsked = false;
      // Whoever fetches the rules logs what is away; totals are cumulative, so nothing is lost.
      await send().catch(() => {});
    } while (isAsked);
    isBusy = false;
  }
  return () => {
    if (isBusy) isAsked = true;
    else void run();
  };
}

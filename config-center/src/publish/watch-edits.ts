import type { Logger } from 'pino';
import type { Publisher } from './publisher.ts';

/** How often rows are looked at, ms. */
const LOOK_MS = 1_000;

/** Looks every second for rows that were edited by hand, and logs those that are not valid. */
export function watchEdits(publisher: Publisher, log: Logger): { readonly stop: () => void } {
  let logged = '[]';
  let isStopped = false;
  let timer = setTimeout(() => void look(), 0);

  async function look(): Promise<void> {
    // While the database is away, calls fail and say so; here it is enough to go on.
    await publisher.lookForEdits().catch((error: unknown) => {
      if (!isStopped) log.warn({ error: String(error) }, 'looking for edited rows failed');
    });
    tell();
    if (!isStopped) timer = setTimeout(() => void look(), LOOK_MS);
  }

  function tell(): void {
    const refused = JSON.stringify(publisher.refusedRows());
    if (refused === logged) return;
    logged = refused;
    for (const row of publisher.refusedRows()) log.error(row, 'a row edited by hand is not valid, and not published');
  }

  return {
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

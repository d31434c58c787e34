import { ADMIN_API } from '@ai-gateway/contracts';
import type { Client } from './client.ts';
import { type TopView, topLines } from './top-view.ts';

const PERIOD_MS = 1_000;

/** One look at what goes on. */
export async function lookAtTop(client: Client, selected: number, nowMs: number): Promise<TopView> {
  const { namespaces: liveRoute, limits } = ADMIN_API.live;
  const { items } = liveRoute.response.parse(await client.call('GET', liveRoute.path));
  const busy = items.toSorted((left, right) => right.requestsPerSecond - left.requestsPerSecond);
  const index = Math.max(0, Math.min(selected, busy.length - 1));
  const at = new Date(nowMs).toISOString();
  const chosen = busy[index];
  const named = await Promise.all(
    busy.map(async (live) => ({ ...live, code: await codeOf(client, live.namespaceId) })),
  );
  if (chosen === undefined) return { at, namespaces: [], selected: 0, reports: [], missing: [] };
  const query = { namespace: chosen.namespaceId };
  const counted = limits.response.parse(await client.call('GET', limits.path, { query }));
  return { at, namespaces: named, selected: index, reports: counted.reports, missing: counted.missing };
}

/** A namespace may be gone while its numbers are still there. */
async function codeOf(client: Client, id: string): Promise<string> {
  const { read } = ADMIN_API.namespaces;
  const row = await client.call('GET', read.path.replace(':id', encodeURIComponent(id))).catch(() => undefined);
  const { data } = read.response.pick({ code: true }).safeParse(row);
  return data?.code ?? id;
}

/** Shows it every second until `q`; the arrows choose a namespace. A look that fails is told and tried again. */
export function watchTop(client: Client, terminal: NodeJS.ReadStream, screen: NodeJS.WriteStream): Promise<void> {
  let selected = 0;
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    let isEnded = false;
    const draw = async (): Promise<void> => {
      const lines = await lookAtTop(client, selected, Date.now())
        .then((view) => {
          selected = view.selected;
          return topLines(view);
        })
        .catch((error: Error) => [error.message]);
      if (isEnded) return;
      const fitting = lines
        .slice(0, Math.max(1, (screen.rows || 24) - 1))
        .map((line) => line.slice(0, screen.columns || 80));
      screen.write(`\x1b[H\x1b[J${fitting.join('\r\n')}\r\n`);
      timer = setTimeout(() => void draw(), PERIOD_MS);
    };
    const onKey = (key: Buffer): void => {
      const text = key.toString();
      if (text === '\x1b[A') selected = Math.max(0, selected - 1);
      if (text === '\x1b[B') selected++;
      if (text !== 'q' && text !== '\x03') return;
      isEnded = true;
      clearTimeout(timer);
      terminal.off('data', onKey).setRawMode(false).pause();
      screen.write('\x1b[?25h\x1b[?1049l');
      resolve();
    };
    screen.write('\x1b[?1049h\x1b[?25l');
    terminal.setRawMode(true).resume().on('data', onKey);
    void draw();
  });
}

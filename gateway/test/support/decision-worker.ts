import { randomUUID } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { limitsOf } from '../../../limits/test/support/limits.ts';
import { startKeeper } from './keeper.ts';

/**
 * One gateway's limits under load, as a process that can be killed: closed-loop clients take, hold and settle, and
 * every admission is written down as four doubles: start µs, end µs (CLOCK_MONOTONIC, common to all processes), instant
 * of admission (ms of Redis), tokens. The written interval lies within the real one, so two that overlap really did. A
 * record that starts with -1 carries the number of decisions since the last.
 */
const [url = '', path = '', clients = '1', rules = '[]'] = process.argv.slice(2);

const FLUSH_MS = 20;

const keeper = await startKeeper(url);
const plan = limitsOf(JSON.parse(rules) as object[], { onLimiterDown: 'closed' });
const file = openSync(path, 'a');
let records: number[] = [];
let decisions = 0;
let isEnding = false;

const nowUs = () => Number(process.hrtime.bigint() / 1000n);

function flush(): void {
  records.push(-1, decisions, 0, 0);
  decisions = 0;
  writeSync(file, Buffer.from(Float64Array.from(records).buffer));
  records = [];
}

async function client(): Promise<void> {
  while (!isEnding) {
    const outputTokens = 50 + Math.floor(Math.random() * 200);
    const reservationId = randomUUID();
    const decision = await keeper.take(plan, { reservationId, inputTokens: 50, outputTokens }).catch(() => undefined);
    // Only what Redis has decided counts.
    if (decision === undefined) await sleep(10);
    else decisions++;
    if (decision?.kind !== 'admitted') continue;
    const startUs = nowUs();
    await sleep(Math.random() * 4);
    const actual = { inputTokens: 50, outputTokens: Math.floor(Math.random() * outputTokens) };
    records.push(startUs, nowUs(), decision.held.admittedMs, 50 + actual.outputTokens);
    await keeper.limits.settle(reservationId, actual);
  }
}

const timer = setInterval(flush, FLUSH_MS);
process.on('SIGTERM', () => {
  isEnding = true;
});
process.stdout.write('ready\n');
await Promise.all(Array.from({ length: Number(clients) }, client));
clearInterval(timer);
flush();
closeSync(file);
await keeper.close();

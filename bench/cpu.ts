import { readFileSync } from 'node:fs';

/** Linux counts process time in ticks of 10 ms. */
const TICK_US = 10_000;

/** User and system time of processes, µs. */
export function cpuUsOf(pids: readonly number[]): number {
  const ticks = pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return sum + Number(fields[11]) + Number(fields[12]);
  }, 0);
  return ticks * TICK_US;
}

/** Resident memory of a process. */
export function megabytesOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

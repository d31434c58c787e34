import { parentPort, workerData } from 'node:worker_threads';
import { requestRecordShape } from '@ai-gateway/contracts';
import { type SimulateOptions, simulate } from './simulate.ts';

/** Replays pages of records (JSON texts) one by one; an empty page asks for the result. */
const replaying = simulate(workerData as SimulateOptions);

parentPort?.on('message', (records: readonly string[]) => {
  if (records.length === 0) {
    parentPort?.postMessage(replaying.result());
    return;
  }
  for (const record of records) replaying.add(requestRecordShape.parse(JSON.parse(record)));
  parentPort?.postMessage('done');
});

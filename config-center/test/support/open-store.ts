import process from 'node:process';
import { openStore } from '../../src/db/store.ts';

/** A start of its own process: opens the database that its argument names, and ends. */
await (await openStore(process.argv[2] ?? '')).close();

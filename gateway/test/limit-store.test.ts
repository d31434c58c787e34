import { memoryLimitStore } from '../src/adapters/memory-limit-store.ts';
import { limitStoreContract } from './support/limit-store.contract.ts';

limitStoreContract('memory', async () => {
  let nowUs = 1_700_000_000_000_000;
  return {
    store: memoryLimitStore(() => nowUs),
    wait(ms) {
      nowUs += ms * 1000;
    },
    close: async () => {},
  };
});

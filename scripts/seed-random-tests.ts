import fc from 'fast-check';

/**
 * Random tests draw the same texts in every run, so that a change is judged by what it changes; `SEED=123 npm test` looks
 * elsewhere.
 */
fc.configureGlobal({ seed: Number(process.env.SEED || 1) });

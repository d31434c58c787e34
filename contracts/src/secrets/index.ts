export * from './envelope.ts';
export * from './master-keys.ts';
export * from './rules-signature.ts';

/**
 * Where the newest rules lie in Redis: a hash of `epoch`, `revision`, `sha256`, `signature`, `deltas` and `body`, without
 * a time to live. `deltas` is a list of what led to the revision from those before it (`RulesDelta`, the newest last). A
 * long `body` may be of an earlier revision, from which the deltas lead on. `secrets/rules-signature.ts` says what is
 * signed.
 */
export const RULES_KEY = '{rules}:current';

/** Tells that RULES_KEY has changed. Only a hint: messages may be lost. */
export const RULES_CHANNEL = '{rules}:changed';

/** What gateways last reported: a hash of JSON by `instanceId`. Gone when nobody reports for REPORTS_LIFE_SECONDS. */
export const REPORTS_KEY = '{rules}:reports';

export const REPORTS_LIFE_SECONDS = 60;

export {
  amountOf,
  type Counts,
  dearest,
  type HeldPrice,
  heldPriceOf,
  NO_TOKENS,
  type TokenAmounts,
} from './amounts.ts';
export { RETRY_WHEN_FULL_MS } from './concurrency.ts';
export { degrade } from './degrade.ts';
export { adoptedAmount, differenceOf, entryOf, type Held, type HeldAbout, type HeldEntry } from './held.ts';
export {
  indexLayeredLimits,
  type LayeredLimits,
  layeredCounter,
  layeredLimitName,
  layeredLimitsFor,
  layersFor,
} from './layered.ts';
export {
  type CappedDemand,
  demandOf,
  largestOutput,
  type OutputCap,
  outputCapOf,
  shrunkGuess,
  upstreamMaxOf,
} from './output-cap.ts';
export {
  countsRequests,
  type Limit,
  limitsFor,
  type PlannedLimit,
  planPolicies,
  type RateBound,
  type SlotBound,
  type WindowBound,
} from './plan.ts';
export {
  type NamespacePlan,
  type Payer,
  type PlannedLimits,
  payersOf,
  planNamespace,
  type TokenPolicy,
  tokenPoliciesFor,
} from './plan-namespace.ts';
export { copyState, type Preview, type PreviewedLimit, preview } from './preview.ts';
export { chargedPriceOf, indexPrices, indexRates, type PriceIndex, priceOf, type RateIndex } from './prices.ts';
export { leaveQueue, type QueueTerms, TICKET_MS } from './queue.ts';
export { concerns, isModel, type RequestFacts } from './request-facts.ts';
export {
  emptyLimitState,
  heldOf,
  type LimitDecision,
  type LimitFailure,
  type LimitReading,
  type LimitState,
  queuedKeys,
  type ReserveRequest,
  reserve,
} from './reserve.ts';
export {
  adopt,
  type Extension,
  expiredReservations,
  extend,
  type Progress,
  type Renewal,
  renew,
  type SettleTerms,
  settle,
  sweep,
} from './settle.ts';
export { boundOf, inFlightOf, type LimitUse, oldestOf, statusOf, useOf, useOfRate } from './status.ts';
export { bucketAt, windowResetMs } from './token-window.ts';

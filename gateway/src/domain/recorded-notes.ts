import type { ChargeTerms, MatchedFields, RequestKind } from '@ai-gateway/contracts';
import type { OutputCap, RequestFacts, TokenAmounts } from '@ai-gateway/limits';

/** Facts that are noted of a request so that its decision can be explained, and replayed, later. */
export interface RecordedNotes {
  matcherId: string | undefined;
  /** What matchers read of the request. */
  matched: MatchedFields | undefined;
  /** What policies are chosen and counted by, once the limits are planned. */
  facts: RequestFacts | undefined;
  kind: RequestKind | undefined;
  clientMaxTokens: number | undefined;
  choices: number;
  /** What the limits are asked for. */
  demand: TokenAmounts | undefined;
  outputCap: OutputCap | undefined;
  /** Who is charged for its tokens. */
  charge: ChargeTerms | undefined;
  /** Time in line for a limit, ms. */
  waitedMs: number;
}

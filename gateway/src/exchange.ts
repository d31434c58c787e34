import type { Located, RequestView } from '@ai-gateway/contracts';
import type { Outcome } from './domain/outcome.ts';
import type { RecordedNotes } from './domain/recorded-notes.ts';
import type { Target } from './domain/target.ts';
import type { ClientProtocol } from './protocols/client-protocol.ts';
import type { Services, TokenCount } from './services.ts';

/** A request as it was read: the start of every exchange. */
export interface Received {
  /** The client's `x-request-id` if it is well formed, else drawn. For people; never a key of state. */
  readonly requestId: string;
  /** Drawn by the gateway, unique: the key of the reservation. */
  readonly reservationId: string;
  readonly method: string;
  /** As the client sent it, whatever a location makes of it. */
  readonly path: string;
  /** The location of the path, if there is one. */
  readonly located: Located | undefined;
  readonly query: URLSearchParams;
  readonly headers: RequestView['headers'];
  /** Names of headers that were sent more than once. */
  readonly repeatedHeaders: ReadonlySet<string>;
  readonly body: Uint8Array;
  readonly arrivedAtMs: number;
  /** Aborted when the client leaves or the gateway gives up on it. */
  readonly signal: AbortSignal;
  /** Registers work for the end: runs once, last registered first, whatever happened. */
  readonly defer: (task: DeferredTask) => void;
  /** Facts for the log and the metrics, noted as they become known. */
  readonly notes: Notes;
}

/** The wire format in which the client asks, by its path. */
export interface Addressed {
  readonly protocol: ClientProtocol;
}

/** Gives back what a stage took. Failures are logged and do not stop the others. */
export type DeferredTask = (outcome: Outcome) => void | Promise<void>;

/** Facts of the request that are wanted even when a later stage refuses it. */
export interface Notes extends RecordedNotes {
  namespaceId: string | undefined;
  namespace: string;
  virtualKeyId: string | undefined;
  requestedModel: string;
  resolvedModel: string;
  modelLabel: string;
  provider: string | undefined;
  /** Id of the provider key of the last attempt; undefined when none was sent. */
  providerKeyId: string | undefined;
  isStream: boolean;
  attempts: number;
  /** A kept answer is replayed: no provider was asked. */
  isCached: boolean;
  /** Where the last attempt went. */
  target: Target | undefined;
  revision: number;
  /** Bytes of the bodies that were passed through untouched. */
  bytesIn: number | undefined;
  bytesOut: number | undefined;
  overheadMs: number | undefined;
  /** What of the request the last attempt left out. */
  dropped: readonly string[];
  /** An upstream has answered with success: the input is used, whatever becomes of the answer. */
  isAccepted: boolean;
  /** Counts the input, once there is somebody to count. */
  countedInput: (() => Promise<TokenCount>) | undefined;
  refusedByPolicyIds: readonly string[];
  /** Observing policies that would have refused. */
  observedPolicyIds: readonly string[];
}

/** One step of a request: reads the exchange, returns the part it adds, or throws a GatewayError. */
export type Stage<In extends Received, Added extends object> = (
  exchange: In,
  services: Services,
) => Added | Promise<Added>;

/** A kind of giant events. */
export interface GiantKind {
  readonly name: string;
  /** Also the path of its provider. */
  readonly model: string;
  readonly channel: 'bare' | 'metered';
  /** Of generated text in an event. */
  readonly textBytes: number;
  /** Written piece by piece; absent: each event at once. */
  readonly pieceBytes?: number;
  /** The blank line that would end the event never comes. */
  readonly isEndless?: true;
}

/** What the thread of the load is told. */
export type ToLoad =
  | { readonly kind: 'start'; readonly giant: GiantKind; readonly gatewayUrl: string; readonly streams: number }
  | { readonly kind: 'stop' };

/** What it tells. */
export type FromLoad =
  | { readonly kind: 'listening'; readonly url: string }
  | { readonly kind: 'stopped'; readonly readBytes: number; readonly endedStreams: number };

import type { Routing } from '@ai-gateway/contracts';

/** What a request offers to be hashed. */
export interface Hashable {
  readonly virtualKeyId: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Absent when the body is not read. */
  readonly body: { readonly messages?: readonly unknown[] | undefined } | undefined;
}

/** The key by which `consistent_hash` finds an upstream; empty when the request has none. */
export function hashKeyOf(hashOn: Routing['hashOn'], { virtualKeyId, headers, body }: Hashable): string {
  switch (hashOn.source) {
    case 'virtualKey':
      return virtualKeyId ?? '';
    case 'header':
      return String(headers[hashOn.header.toLowerCase()] ?? '');
    case 'prompt':
      return beginningOf(body?.messages ?? [], hashOn.characters);
    default:
      return hashOn satisfies never;
  }
}

function beginningOf(messages: readonly unknown[], characters: number): string {
  let beginning = '';
  for (const message of messages) {
    if (beginning.length >= characters) break;
    beginning += JSON.stringify(message);
  }
  return beginning.slice(0, characters);
}

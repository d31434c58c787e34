import type { AddedToken } from './vocabulary.ts';

/** Finds added tokens (`<|im_end|>`, `<think>`) in texts. */
export interface AddedTokens {
  /** Calls `visit` with the stretches between added tokens and with the ids of the tokens, in order. */
  split(text: string, visit: (stretch: string, id: number | undefined) => void): void;
  /** Might an added token be in the making that reaches over the place before `at`? */
  mayReachOver(text: string, at: number): boolean;
}

/** A character of some token: what may follow, and the token that ends here. */
interface Node {
  readonly next: Map<string, Node>;
  id: number | undefined;
}

/** At each place the longest of the tokens that begin there is taken, from left to right, as Hugging Face does. */
export function addedTokens(tokens: readonly AddedToken[]): AddedTokens | undefined {
  if (tokens.length === 0) return undefined;
  const root: Node = { next: new Map(), id: undefined };
  for (const token of tokens) plant(root, token);
  const longest = Math.max(...tokens.map(({ content }) => content.length));
  const opening = new RegExp(`[${[...root.next.keys()].map(RegExp.escape).join('')}]`, 'g');

  return {
    split(text, visit) {
      let from = 0;
      opening.lastIndex = 0;
      while (opening.test(text)) {
        const at = opening.lastIndex - 1;
        const { end, id } = longestAt(root, text, at);
        if (id === undefined) continue;
        if (at > from) visit(text.slice(from, at), undefined);
        visit(text.slice(at, end), id);
        from = end;
        opening.lastIndex = from;
      }
      if (from < text.length) visit(from === 0 ? text : text.slice(from), undefined);
    },
    mayReachOver(text, at) {
      for (let start = Math.max(0, at - longest + 1); start < at; start++)
        if (reaches(root, text, start, at)) return true;
      return false;
    },
  };
}

function plant(root: Node, { content, id }: AddedToken): void {
  let node = root;
  for (let at = 0; at < content.length; at++) {
    const unit = content.charAt(at);
    const next = node.next.get(unit) ?? { next: new Map(), id: undefined };
    node.next.set(unit, next);
    node = next;
  }
  node.id = id;
}

/** The longest token that begins at `start`, if any. */
function longestAt(root: Node, text: string, start: number): { end: number; id: number | undefined } {
  let found: { end: number; id: number | undefined } = { end: start, id: undefined };
  let node = root.next.get(text.charAt(start));
  for (let at = start + 1; node !== undefined; at++) {
    if (node.id !== undefined) found = { end: at, id: node.id };
    node = node.next.get(text.charAt(at));
  }
  return found;
}

/** Is the text from `start` to `end` the beginning of a longer token? */
function reaches(root: Node, text: string, start: number, end: number): boolean {
  let node: Node | undefined = root;
  for (let at = start; at < end && node !== undefined; at++) node = node.next.get(text.charAt(at));
  return node !== undefined && node.next.size > 0;
}

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** What is to happen, in order of time; a binary heap. What is due at the same instant happens in the order of asking. */
export interface SimulatedTime {
  at(atMs: number, run: () => void): void;
  /** Lets everything up to an instant happen. */
  advanceTo(atMs: number): void;
  nowMs(): number;
}

export function simulatedTime(): SimulatedTime {
  const heap: Event[] = [];
  let asked = 0;
  let nowMs = 0;

  const isBefore = (a: Event, b: Event) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

  function swap(a: number, b: number): void {
    const [first, second] = [heap[a], heap[b]];
    if (first === undefined || second === undefined) return;
    heap[a] = second;
    heap[b] = first;
  }

  function rise(from: number): void {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1;
      const [own, above] = [heap[at], heap[parent]];
      if (own === undefined || above === undefined || !isBefore(own, above)) return;
      swap(at, parent);
      at = parent;
    }
  }

  function sink(): void {
    for (let at = 0; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        const [event, other] = [heap[child], heap[least]];
        if (event !== undefined && other !== undefined && isBefore(event, other)) least = child;
      }
      if (least === at) return;
      swap(at, least);
      at = least;
    }
  }

  function pop(): Event | undefined {
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    heap[0] = last;
    sink();
    return first;
  }

  return {
    nowMs: () => nowMs,
    at(atMs, run) {
      heap.push({ atMs: Math.max(atMs, nowMs), order: asked++, run });
      rise(heap.length - 1);
    },
    advanceTo(atMs) {
      for (let next = heap[0]; next !== undefined && next.atMs <= atMs; next = heap[0]) {
        pop();
        nowMs = next.atMs;
        next.run();
      }
      nowMs = Math.max(nowMs, atMs);
    },
  };
}

/** A map of at most `capacity` entries: one more drops the one that was read or written longest ago. */
export interface RecentMap<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): void;
}

export function recentMap<K, V>(capacity: number): RecentMap<K, V> {
  // A Map keeps the order in which keys were added, so the first key is the one that has waited longest.
  const entries = new Map<K, V>();
  function set(key: K, value: V): void {
    entries.delete(key);
    entries.set(key, value);
    if (entries.size <= capacity) return;
    for (const oldest of entries.keys()) {
      entries.delete(oldest);
      return;
    }
  }
  return {
    get(key) {
      const value = entries.get(key);
      if (value !== undefined) set(key, value);
      return value;
    },
    set,
  };
}

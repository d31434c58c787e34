/**
 * Score of a server for a key; the highest gets it, in proportion to weight. When a server leaves, only its own keys
 * move. Weighted rendezvous hashing: https://en.wikipedia.org/wiki/Rendezvous_hashing#Weighted_rendezvous_hash
 */
export function rendezvousScore(key: string, id: string, weight: number): number {
  return -weight / Math.log(unitOf(`${key}\u0000${id}`));
}

/** A text as a number in (0, 1): FNV-1a, its bits mixed as MurmurHash3 does at its end. */
function unitOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  hash ^= hash >>> 16;
  return ((hash >>> 0) + 0.5) / 4_294_967_296;
}

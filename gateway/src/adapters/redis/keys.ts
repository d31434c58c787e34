/** Keys of the store. All share one hash tag, so that a cluster keeps them in one slot and one script may touch them all. */
export function redisKeys(tag: string) {
  const at = (name: string) => `{${tag}}:${name}`;
  return {
    leases: at('leases'),
    reservations: at('reservations'),
    queue: at('queue'),
    tickets: at('tickets'),
    gateways: at('gateways'),
    counter: at,
    lineOf: (key: string) => at(`line:${key}`),
  } as const;
}

export type RedisKeys = ReturnType<typeof redisKeys>;

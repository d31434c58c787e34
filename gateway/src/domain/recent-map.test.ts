import { expect, it } from 'vitest';
import { recentMap } from './recent-map.ts';

it('drops what was neither read nor written for longest', () => {
  const map = recentMap<string, number>(2);
  map.set('a', 1);
  map.set('b', 2);
  map.get('a');
  map.set('c', 3);
  expect([map.get('a'), map.get('b'), map.get('c')]).toEqual([1, undefined, 3]);
});

it('keeps its size when a key is written again', () => {
  const map = recentMap<string, number>(2);
  map.set('a', 1);
  map.set('b', 2);
  map.set('a', 3);
  expect([map.get('b'), map.get('a')]).toEqual([2, 3]);
});

it('holds no more than it may, however many keys come', () => {
  const map = recentMap<number, number>(10);
  for (let key = 0; key < 1_000; key++) map.set(key, key);
  const held = Array.from({ length: 1_000 }, (_, key) => map.get(key)).filter((value) => value !== undefined);
  expect(held).toEqual([990, 991, 992, 993, 994, 995, 996, 997, 998, 999]);
});

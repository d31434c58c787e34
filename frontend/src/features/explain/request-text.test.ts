import { expect, it } from 'vitest';
import { headersIn, requestOf } from './request-text.ts';

it('reads headers as lines and as JSON', () => {
  expect(headersIn('X-Channel-Code: shop\n\n  x-url : http://a:1/b  ')).toEqual({
    'X-Channel-Code': 'shop',
    'x-url': 'http://a:1/b',
  });
  expect(headersIn('{"X-Channel-Code": "shop", "x-count": 3}')).toEqual({ 'X-Channel-Code': 'shop', 'x-count': '3' });
  expect(headersIn('  \n')).toEqual({});
});

it('names the line or the header that cannot be read', () => {
  expect(() => headersIn('a: b\nnot a header')).toThrow('not a header');
  expect(() => headersIn('{"nested": {}}')).toThrow('nested');
  expect(() => headersIn('{"a"')).toThrow();
});

it('leaves out what was not typed', () => {
  const line = { method: 'GET', path: '/v1/models' };
  expect(requestOf({ ...line, headers: '', body: ' ' })).toEqual({ ...line, headers: {} });
  expect(requestOf({ ...line, body: '{"a": 1}', virtualKeyId: 'vk_1' })).toMatchObject({
    body: { a: 1 },
    virtualKeyId: 'vk_1',
  });
});

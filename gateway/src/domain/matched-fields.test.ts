import { expect, it } from 'vitest';
import { matchedFieldsOf, recordedFieldsOf } from './matched-fields.ts';

const request = {
  headers: { 'x-channel-code': 'shop', authorization: 'Bearer vk_secret', 'x-api-key': 's', 'x-tier': 'a'.repeat(500) },
  query: new URLSearchParams('region=eu&access_token=s'),
  path: '/v1/chat/completions',
  body: { model: 'm', metadata: { tier: 'gold' }, messages: [{ content: 'secret thoughts' }], prompt: 'secret' },
};

it('keeps what matchers read, shortened, and neither secrets nor prompts', () => {
  const fields = recordedFieldsOf([
    { source: 'header', field: 'X-Channel-Code' },
    { source: 'header', field: 'x-tier' },
    { source: 'header', field: 'Authorization' },
    { source: 'header', field: 'X-Api-Key' },
    { source: 'query', field: 'region' },
    { source: 'query', field: 'access_token' },
    { source: 'body', field: 'metadata.tier' },
    { source: 'body', field: 'prompt' },
    { source: 'body', field: 'messages.0.content' },
    { source: 'path', field: '' },
  ]);
  expect(matchedFieldsOf(fields, request)).toEqual({
    headers: { 'x-channel-code': 'shop', 'x-tier': 'a'.repeat(200) },
    query: { region: 'eu' },
    body: { 'metadata.tier': 'gold' },
  });
});

it('costs no object when nothing of it is there', () => {
  expect(matchedFieldsOf([{ source: 'query', field: 'none' }], request)).toBeUndefined();
});

import { requestLogBatch } from '@ai-gateway/contracts';
import { expect, it } from 'vitest';
import { logRecord } from '../../test/support/request-log.ts';
import { rebuiltRequest } from './recorded-request.ts';

const AT = Date.parse('2026-03-01T12:00:00.000Z');

it.each([
  ['/v1/chat/completions', 2, { messages: [{ role: 'user', content: '' }], n: 2, max_tokens: 9 }],
  ['/v1/messages', 1, { messages: [{ role: 'user', content: '' }], max_tokens: 9 }],
  ['/v1/completions', 3, { prompt: ['', '', ''], max_tokens: 9 }],
  ['/v1/responses', 1, { input: '', max_output_tokens: 9 }],
  ['/v1/embeddings', 0, { input: '' }],
])('a record of %s is rebuilt in the form of that endpoint', (path, choices, wanted) => {
  const { clientMaxTokens: _, ...rest } = logRecord({ atMs: AT, path, choices, requestedModel: 'm', isStream: false });
  const given = { ...rest, ...(choices > 0 && { clientMaxTokens: 9 }) };
  const [record] = requestLogBatch.parse({ records: [given] }).records;
  expect(record && rebuiltRequest(record).request).toMatchObject({
    path,
    body: { model: 'm', stream: false, ...wanted },
  });
});

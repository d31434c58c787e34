import type { ListedModel } from '../domain/list-models.ts';

/** When nobody knows the date that the form asks for. */
const UNKNOWN_DATE = '1970-01-01T00:00:00Z';

/** A model in the form of OpenAI's `GET /v1/models`; what is known beyond it is added. */
export function openAiModel({ name, provider, row }: ListedModel) {
  return {
    id: name,
    object: 'model',
    created: 0,
    owned_by: provider,
    ...(row?.contextTokens !== undefined && { context_window: row.contextTokens }),
    ...(row?.maxOutputTokens !== undefined && { max_output_tokens: row.maxOutputTokens }),
    ...(row !== undefined && row.capabilities.length > 0 && { capabilities: row.capabilities }),
  };
}

/** OpenAI's list. */
export function openAiModels(models: readonly ListedModel[]) {
  return { object: 'list', data: models.map(openAiModel) };
}

/** A model in the form of Anthropic's `GET /v1/models`. */
export function anthropicModel({ name }: ListedModel) {
  return { type: 'model', id: name, display_name: name, created_at: UNKNOWN_DATE };
}

/** A page of Anthropic's list: `limit` models (1 to 1000, default 20) behind `after_id` or before `before_id`. */
export function anthropicModels(models: readonly ListedModel[], query: URLSearchParams) {
  const limit = Math.min(Math.max(1, Math.floor(Number(query.get('limit') ?? 20)) || 20), 1000);
  const [after, before] = [query.get('after_id'), query.get('before_id')].map((id) =>
    id === null ? -1 : models.findIndex(({ name }) => name === id),
  );
  const start = (after ?? -1) + 1;
  const end = before === undefined || before < 0 ? models.length : before;
  const isBackwards = end < models.length && start === 0;
  const page = isBackwards
    ? models.slice(Math.max(0, end - limit), end)
    : models.slice(start, Math.min(end, start + limit));
  return {
    data: page.map(anthropicModel),
    first_id: page.at(0)?.name ?? null,
    last_id: page.at(-1)?.name ?? null,
    has_more: isBackwards ? end - limit > 0 : start + limit < end,
  };
}

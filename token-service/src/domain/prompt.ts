/** A message as clients send it. */
export interface ChatMessage {
  readonly role: string;
  readonly content?: unknown;
  readonly [field: string]: unknown;
}

/** Everything of a chat request that becomes input tokens. */
export interface Prompt {
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly unknown[] | undefined;
}

/** Tokens of a prompt; `exact` when they equal what the provider reports. */
export interface ChatCount {
  readonly tokens: number;
  readonly exact: boolean;
}

/** An image of a message: a `data:` URL or one that is not fetched here, and the detail that was asked for. */
export interface ImageInput {
  readonly url: string;
  readonly detail: ImageDetail | undefined;
}

export type ImageDetail = 'low' | 'high' | 'original' | 'auto';

/** Text of a message's content: a string, or the text parts of a list joined without anything between them. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  return partsOf(content)
    .map((part) => (part.type === 'text' ? String(part.text ?? '') : ''))
    .join('');
}

/** All images of the messages, in their order. */
export function imagesIn(messages: readonly ChatMessage[]): readonly ImageInput[] {
  return messages
    .flatMap(({ content }) => partsOf(content))
    .filter(({ type }) => type === 'image_url')
    .map(({ image_url: image }) => ({
      url: urlOf(image),
      detail: isRecord(image) ? DETAILS.find((detail) => detail === image.detail) : undefined,
    }));
}

/** Whether a parsed JSON value is an object, not a list and not null. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const DETAILS = ['low', 'high', 'original', 'auto'] as const;

function partsOf(content: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(content) ? content.filter(isRecord) : [];
}

/** Some clients send the URL alone instead of an object that has it; an empty URL is one whose image is not known. */
function urlOf(image: unknown): string {
  const url = isRecord(image) ? image.url : image;
  return typeof url === 'string' ? url : '';
}

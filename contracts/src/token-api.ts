import { z } from 'zod';

/** A chat message as clients send it; unknown fields are kept because templates may count them. */
export const countableMessage = z.looseObject({ role: z.string(), content: z.unknown().optional() });

/** `POST /calculate`: the chat form `{model, messages, tools?}` or the text form `{model_name, text}`. */
export const calculateRequest = z.union([
  z.object({
    model: z.string().min(1).max(200),
    messages: z.array(countableMessage).min(1).max(2048),
    tools: z.array(z.unknown()).max(512).optional(),
    /** Variables for the model's chat template, as vLLM takes them (`enable_thinking`). */
    chat_template_kwargs: z.record(z.string(), z.unknown()).optional(),
  }),
  z.object({ model_name: z.string().min(1).max(200), text: z.string() }),
]);

/**
 * Answer of `POST /calculate`. `exact` is false when the model's real vocabulary or template is not known here. `ratio` is
 * the learned one that is in an estimate; exact counts have none.
 */
export const calculateResponse = z.object({
  success: z.literal(true),
  token_count: z.number().int().min(0),
  model: z.string(),
  exact: z.boolean(),
  vocabulary: z.string(),
  ratio: z.number().positive().optional(),
});

/** `POST /batch-calculate`: up to 1,000 requests, answered in order; one bad item does not fail the others. */
export const batchCalculateRequest = z.object({ items: z.array(z.unknown()).min(1).max(1000) });
export const batchCalculateResponse = z.object({
  success: z.literal(true),
  results: z.array(z.union([calculateResponse, z.object({ success: z.literal(false), error: z.string() })])),
});

/**
 * `POST /cut`: counts a text and finds where it must end to stay within `max_tokens`.
 * Used by the gateway's stream meter, which sends only the part that is not final yet.
 */
export const cutRequest = z.object({
  model: z.string().min(1).max(200),
  text: z.string(),
  max_tokens: z.number().int().min(0),
  /** UTF-16 index of a prefix that is known to fit (it has been delivered); `cut_at` is never smaller. */
  from: z.number().int().min(0).default(0),
});

/**
 * `fits` = the whole text counts at most `max_tokens`.
 * `cut_at`: UTF-16 index of a prefix that counts at most `max_tokens` while one more code point would exceed it
 * (equal to the text's length when it fits). It never splits a surrogate pair.
 * `final_at` / `final_tokens`: the last UTF-16 index that no later text can move, and the exact tokens before it.
 */
export const cutResponse = z.object({
  success: z.literal(true),
  token_count: z.number().int().min(0),
  fits: z.boolean(),
  cut_at: z.number().int().min(0),
  cut_tokens: z.number().int().min(0),
  final_at: z.number().int().min(0),
  final_tokens: z.number().int().min(0),
  exact: z.boolean(),
  vocabulary: z.string(),
  ratio: z.number().positive().optional(),
});

/** `POST /tokenize`: the tokens of a text or of a whole chat prompt, for people to look at. */
export const tokenizeRequest = z.union([
  z.object({
    model: z.string().min(1).max(200),
    messages: z.array(countableMessage).min(1).max(256),
    tools: z.array(z.unknown()).max(128).optional(),
  }),
  z.object({ model: z.string().min(1).max(200), text: z.string().max(100_000) }),
]);

/** Tokens of a text. A token's text has U+FFFD where it holds only a part of a character. */
export const tokenizeResponse = z.object({
  success: z.literal(true),
  model: z.string(),
  vocabulary: z.string(),
  exact: z.boolean(),
  token_count: z.number().int().min(0),
  tokens: z.array(z.object({ id: z.number().int().min(0), text: z.string() })),
});

/** How well an estimate has matched what providers reported. */
export const calibration = z.object({
  /** Tokens that the provider reports per token counted here. */
  ratio: z.number().positive(),
  samples: z.number().int().min(0),
  /** Mean of |estimate - reported| / reported over the last reports, after calibration. */
  mean_error: z.number().min(0),
});

/** One row of the table of models, in the order in which rows are tried. */
export const modelFamily = z.object({
  /** What the row matches: `*` stands for anything, `#` for a number. */
  match: z.array(z.string()),
  vocabulary: z.string(),
  /** Name of the chat template; null = only texts are counted exactly. */
  template: z.string().nullable(),
  exact_text: z.boolean(),
  exact_chat: z.boolean(),
});

/** A vocabulary that the token service can count with. */
export const vocabularyInfo = z.object({
  name: z.string(),
  /** Where it comes from: a package with its version, or a folder of the operator's. */
  source: z.string(),
  license: z.string(),
  is_loaded: z.boolean(),
  /** Known once it is loaded. */
  tokens: z.number().int().optional(),
});

/** `GET /models`. */
export const modelsResponse = z.object({
  success: z.literal(true),
  models: z.array(modelFamily),
  vocabularies: z.array(vocabularyInfo),
  /** By model name and direction (`claude-sonnet-4 output`); only models whose counts are estimates have one. */
  calibrations: z.record(z.string(), calibration),
});

/** `GET /models/<name>`: what a gateway needs to count a model's output itself. */
export const modelResponse = z.object({
  success: z.literal(true),
  model: z.string(),
  vocabulary: z.string(),
  /** Changes when the vocabulary does; part of the path of its download. */
  version: z.string(),
  exact: z.boolean(),
  /** Reported tokens per counted token; 1 for exact counts. */
  ratio: z.number().positive(),
});

/** Version of a vocabulary that cannot be packed: the token service counts with it, and gives it to nobody. */
export const NOT_PACKED = 'none';

/** `GET /vocabularies/<name>/<version>`: the vocabulary itself, packed as the tokenizer package defines. */
export const vocabularyPath = (name: string, version: string): string =>
  `/vocabularies/${encodeURIComponent(name)}/${version}`;

/** `POST /observations`: own counts beside what providers reported; estimates learn from them. */
export const observationsRequest = z.object({
  observations: z
    .array(
      z.object({
        model: z.string().min(1).max(200),
        direction: z.enum(['input', 'output']),
        /** As the sender counted, with `ratio` in it. */
        counted: z.number().int().min(1).max(100_000_000),
        reported: z.number().int().min(1).max(100_000_000),
        /** The learned ratio that was in force when it was counted. */
        ratio: z.number().min(0.25).max(4).default(1),
      }),
    )
    .min(1)
    .max(1000),
});

export type CalculateRequest = z.infer<typeof calculateRequest>;
export type CalculateResponse = z.infer<typeof calculateResponse>;
export type CutRequest = z.infer<typeof cutRequest>;
export type CutResponse = z.infer<typeof cutResponse>;
export type TokenizeRequest = z.infer<typeof tokenizeRequest>;
export type TokenizeResponse = z.infer<typeof tokenizeResponse>;
export type ModelsResponse = z.infer<typeof modelsResponse>;
export type VocabularyInfo = z.infer<typeof vocabularyInfo>;
export type ModelFamily = z.infer<typeof modelFamily>;
export type ModelResponse = z.infer<typeof modelResponse>;
export type Calibration = z.infer<typeof calibration>;
export type Observation = z.infer<typeof observationsRequest>['observations'][number];

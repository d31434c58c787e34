import { logLevelSetting, portSetting } from '@ai-gateway/contracts';
import { z } from 'zod';

/** The token service's environment. */
export const settingsShape = z.object({
  HOST: z.string().default('127.0.0.1'),
  TOKEN_SERVICE_PORT: portSetting.default(8002),
  LOG_LEVEL: logLevelSetting,
  TOKEN_MAX_BODY_BYTES: z.coerce.number().int().min(1024).max(268_435_456).default(16_777_216),
  TOKEN_WORKERS: z.coerce.number().int().min(1).max(64).default(1),
  /** Vocabularies that are loaded at the start, so that no request waits for them. */
  TOKEN_PRELOAD: z
    .string()
    .default('o200k_base,qwen')
    .transform((list) => list.split(',').flatMap((name) => (name.trim() === '' ? [] : [name.trim()]))),
  /** Folder with a subfolder per vocabulary: `<name>/tokenizer.json`, and `tokenizer_config.json` for its template. */
  TOKEN_VOCABULARIES_DIR: z.string().min(1).optional(),
  /** JSON file with rows of the table of models that are tried before the built-in ones. */
  TOKEN_MODELS_FILE: z.string().min(1).optional(),
});

export type Settings = z.infer<typeof settingsShape>;

import { z } from 'zod';

/** A model name on the wire: `gpt-4o`, `deepseek-ai/deepseek-v3`, `Qwen2.5-72B-Instruct-GPTQ-int4`. */
export const modelName = z.string().regex(/^[A-Za-z0-9._:/@-]{1,128}$/, 'letters, digits and . _ : / @ -, at most 128');

/** An exact model name, or a prefix ending in `*`. */
export const modelPattern = z
  .string()
  .regex(/^[A-Za-z0-9._:/@-]{0,127}\*?$/, 'a model name, or a prefix followed by *')
  .min(1);

import { IMAGE_FORMULAS, type ImageFormula, openAiImageFormula } from './image-tokens.ts';

/** Families whose names tell how they count images; all others are looked up among OpenAI's. */
const FORMULAS: readonly { readonly name: RegExp; readonly formula: ImageFormula }[] = [
  { name: /^claude-(opus-4-[7-9]|(opus|sonnet|fable|mythos)-[5-9])/, formula: IMAGE_FORMULAS.anthropicHighResolution },
  { name: /^claude/, formula: IMAGE_FORMULAS.anthropic },
  { name: /^gemini-(1\.5|2)/, formula: IMAGE_FORMULAS.gemini },
  { name: /^qwen-?2(\.5)?-vl|^qvq/, formula: IMAGE_FORMULAS.qwen2Vl },
  { name: /^qwen3(-vl|\.5)/, formula: IMAGE_FORMULAS.qwen3Vl },
];

/** The formula by which a model counts images, by its bare lower-case name; `none` when none is published. */
export function imageFormulaOf(bareModel: string): ImageFormula {
  return FORMULAS.find(({ name }) => name.test(bareModel))?.formula ?? openAiImageFormula(bareModel);
}

import { type RuleSet, ruleSetShape } from '@ai-gateway/contracts';
import { parseDocument } from 'yaml';
import { Refusal, shapeFaults } from '../faults.ts';

/**
 * A file as rules: YAML or JSON text, or a JSON value. Fields that do not exist are faults.
 * @throws Refusal 400 with every fault and its path
 */
export function readRuleSet(file: unknown): RuleSet {
  const { data, error } = ruleSetShape.safeParse(typeof file === 'string' ? parsedText(file) : file);
  if (error !== undefined) throw new Refusal(400, 'The file is not valid.', error.issues.flatMap(shapeFaults));
  return data;
}

/** JSON is YAML too. Aliases are bounded by the parser. */
function parsedText(text: string): unknown {
  const document = parseDocument(text);
  const [fault] = document.errors;
  if (fault !== undefined) throw new Refusal(400, `The file is not valid YAML: ${fault.message}`);
  try {
    return document.toJS();
  } catch (error) {
    throw new Refusal(400, `The file is not valid YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
}

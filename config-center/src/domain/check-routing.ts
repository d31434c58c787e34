import { type Model, type Redirect, wildcardsIn } from '@ai-gateway/contracts';
import type { Fault } from './faults.ts';

/** Faults of a model beyond the shapes of its fields. */
export function checkModel({ name, aliases, maxOutputTokens, contextTokens }: Omit<Model, 'id'>): readonly Fault[] {
  const repeated = aliases.findIndex((alias, index) => alias === name || aliases.indexOf(alias) !== index);
  const faults: Fault[] = [];
  if (repeated !== -1) {
    faults.push({ path: `aliases.${repeated}`, message: `"${aliases[repeated]}" is the name already.` });
  }
  if (maxOutputTokens !== undefined && contextTokens !== undefined && maxOutputTokens > contextTokens) {
    faults.push({ path: 'maxOutputTokens', message: 'The output is part of the context and cannot be longer.' });
  }
  return faults;
}

/** Faults of a redirect beyond the shapes of its fields. */
export function checkRedirect({ model, target }: Omit<Redirect, 'id'>): readonly Fault[] {
  const [given, wanted] = [wildcardsIn(model), wildcardsIn(target)];
  if (wanted > given) return [{ path: 'target', message: `It has ${wanted} *, the model only ${given}.` }];
  return model === target ? [{ path: 'target', message: 'It leads to itself.' }] : [];
}

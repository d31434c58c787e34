import type { LintFinding, RuleSetPlan } from '@ai-gateway/contracts';
import { type Format, formatted, plain } from './output.ts';

const SIGNS = { create: '+', update: '~', delete: '-' } as const;

/** What a file would change, row by row, and what would be doubtful by it. */
export function planText(plan: RuleSetPlan, format: Format): string {
  if (format !== 'table') return formatted(plan, format);
  const changes = plan.changes.flatMap(({ action, kind, name, fields }) => [
    `${SIGNS[action]} ${kind} ${plain(name)}\n`,
    ...(action === 'update' ? fields.map(fieldLine) : []),
  ]);
  return [...(changes.length === 0 ? ['no differences\n'] : changes), ...plan.findings.map(findingLine)].join('');
}

/** A finding of lint in one line. */
export function findingLine({ severity, rule, kind, name, path, message }: LintFinding): string {
  return `${severity} ${rule}: ${kind} ${plain(`"${name}"${path === '' ? '' : ` ${path}`}: ${message}`)}\n`;
}

function fieldLine({ field, before, after }: RuleSetPlan['changes'][number]['fields'][number]): string {
  const shown = (value: unknown) => plain(JSON.stringify(value) ?? 'not set');
  return `    ${field}: ${shown(before)} -> ${shown(after)}\n`;
}

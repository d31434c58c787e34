import { stringify } from 'yaml';

export type Format = 'table' | 'json' | 'yaml';

type Row = Readonly<Record<string, unknown>>;

/** Widest cell of a table, characters. */
const MAX_CELL = 48;

/** A value for a terminal or for a program. */
export function formatted(value: unknown, format: Format): string {
  if (format === 'json') return `${JSON.stringify(value, undefined, 2)}\n`;
  if (format === 'yaml') return stringify(value, { aliasDuplicateObjects: false });
  if (Array.isArray(value)) return tableOf(value as readonly Row[]);
  return stringify(value, { aliasDuplicateObjects: false });
}

/** Rows under their columns; `columns` chooses and orders them. */
export function tableOf(rows: readonly Row[], columns?: readonly string[]): string {
  if (rows.length === 0) return 'none\n';
  const shown = columns ?? [...new Set(rows.flatMap(Object.keys))].filter((name) => !/At$/.test(name));
  const lines = [shown.map((name) => name.toUpperCase()), ...rows.map((row) => shown.map((name) => cellOf(row[name])))];
  const widths = shown.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return `${lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')}\n`;
}

/** Texts of other people must not steer the terminal. */
export function plain(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, ' ');
}

function cellOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  const text = plain(typeof value === 'object' ? JSON.stringify(value) : String(value));
  return text.length > MAX_CELL ? `${text.slice(0, MAX_CELL - 1)}…` : text;
}

/** Percentile of sorted values, `share` from 0 to 1. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export function median(values: readonly number[]): number {
  return percentile(
    values.toSorted((left, right) => left - right),
    0.5,
  );
}

/** Starts a Markdown table on standard output: the first columns are names, the others figures. */
export function printHead(
  title: string,
  columns: { readonly names: readonly string[]; readonly figures: readonly string[] },
): void {
  const { names, figures } = columns;
  process.stdout.write(`\n${title}\n\n| ${[...names, ...figures].join(' | ')} |\n`);
  process.stdout.write(`|${'---|'.repeat(names.length)}${'--:|'.repeat(figures.length)}\n`);
}

export function printRow(cells: readonly string[]): void {
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
}

/** A figure with as many digits as it deserves. */
export function rounded(figure: number): string {
  if (Number.isNaN(figure)) return '';
  if (Math.abs(figure) >= 100) return figure.toFixed(0);
  return figure.toFixed(Math.abs(figure) >= 10 ? 1 : 2);
}

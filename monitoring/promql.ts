/** What a PromQL expression reads: metric names, and labels it selects or groups by. */
export interface ExpressionParts {
  readonly metrics: readonly string[];
  readonly labels: readonly string[];
}

const KEYWORDS = new Set(['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan', 'group_left', 'group_right']);
const GROUPING = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;

/**
 * Finds metrics and labels of an expression written as in alerts.yml. Not a parser of all PromQL: subqueries and
 * selectors by `__name__` are not read.
 */
export function partsOf(expression: string): ExpressionParts {
  const withoutStrings = expression.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, '""');
  const groupings = [...withoutStrings.matchAll(GROUPING)].flatMap((match) => namesIn(match[1] ?? ''));
  const selectors = [...withoutStrings.matchAll(/\{([^}]*)\}/g)].flatMap((match) => labelsOfSelector(match[1] ?? ''));
  const bare = withoutStrings.replace(GROUPING, ' ').replace(/\{[^}]*\}|\[[^\]]*\]/g, ' ');
  const words = [...bare.matchAll(/[A-Za-z_:][\w:]*(?!\w)(?!\s*\()/g)].map((match) => match[0]);
  return {
    metrics: unique(words.filter((word) => !KEYWORDS.has(word.toLowerCase()))),
    labels: unique([...groupings, ...selectors]),
  };
}

function labelsOfSelector(selector: string): string[] {
  return [...selector.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map((match) => match[1] ?? '');
}

function namesIn(list: string): string[] {
  return list.match(/\w+/g) ?? [];
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}

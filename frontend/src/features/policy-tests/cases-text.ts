/** Cases as people edit them. */
export function textOfCases(cases: unknown): string {
  return JSON.stringify(cases, undefined, 2);
}

/** Why a text is no list of cases, as far as JSON tells; the server checks the rest. */
export function faultOfCases(text: string): string | undefined {
  try {
    return Array.isArray(JSON.parse(text)) ? undefined : '[ … ]';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A moment as a field of local time has it (`2026-01-31T17:05`). */
export function localTimeOf(iso: string): string {
  const at = new Date(iso);
  const two = (part: number) => String(part).padStart(2, '0');
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join('-');
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** The moment of a field of local time. */
export function isoOf(localTime: string): string {
  return new Date(localTime).toISOString();
}

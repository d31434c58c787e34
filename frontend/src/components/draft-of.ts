/** A row without what the server adds: what is sent to change it. */
export function draftOf<T extends { id: string; createdAt: string; updatedAt: string }>(
  row: T,
): Omit<T, 'id' | 'createdAt' | 'updatedAt'> {
  const { id: _, createdAt: __, updatedAt: ___, ...draft } = row;
  return draft;
}

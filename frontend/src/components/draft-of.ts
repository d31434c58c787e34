/** A row as it is sent to change it: without what the server adds, with the version that the change begins with. */
export function draftOf<T extends { id: string; createdAt: string; updatedAt: string }>(
  row: T,
): Omit<T, 'id' | 'createdAt' | 'updatedAt'> {
  const { id: _, createdAt: __, updatedAt: ___, ...draft } = row;
  return draft;
}

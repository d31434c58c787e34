/** The draft without a group of fields that means nothing without one of them: an emptied field switches the group off. */
export function dropUnset<Draft extends object, Group extends keyof Draft>(
  draft: Draft,
  group: Group,
  field: keyof NonNullable<Draft[Group]>,
): Draft {
  const given = draft[group];
  if (given === undefined || given === null || given[field] !== undefined) return draft;
  const { [group]: _, ...rest } = draft;
  // Only optional groups are named here.
  return rest as unknown as Draft;
}

/** Sorts pairs by their key, in byte order (keys are ASCII). */
export function byKey([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}

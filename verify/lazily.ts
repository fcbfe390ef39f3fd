/**
 * Collections that most folds never fill: a log has millions of them. An empty one is shared by all, so it is written to
 * only through these.
 */
export const NO_ENTRIES: ReadonlyMap<never, never> = new Map<never, never>()
export const NO_MEMBERS: ReadonlySet<never> = new Set<never>()

/** The map to write to. */
export function ownMap<K, V>(map: ReadonlyMap<K, V>): Map<K, V> {
  return map.size === 0 ? new Map() : (map as Map<K, V>)
}

/** The set to write to. */
export function ownSet<T>(set: ReadonlySet<T>): Set<T> {
  return set.size === 0 ? new Set() : (set as Set<T>)
}

/** The list with one more. */
export function withItem<T>(list: T[], item: T): T[] {
  if (list.length === 0) return [item]
  list.push(item)
  return list
}

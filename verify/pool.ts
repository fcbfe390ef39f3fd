/** Runs `work` over all items, at most `concurrency` at a time; rejects with the first failure. */
export async function forAll<T>(
  items: Iterable<T>,
  concurrency: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]()
  const lane = async () => {
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: concurrency }, lane))
}

/** Tries again a few times: a view may switch generations, or a connection break, while it is read. */
export async function persist<T>(task: () => Promise<T>, triesMax: number): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await task()
    } catch (error) {
      if (attempt >= triesMax) throw error
    }
  }
}

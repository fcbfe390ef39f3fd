/** Thrown when something that must always hold does not. It is never caught on the way up: the process ends (STYLE 11). */
export class BrokenInvariant extends Error {
  override readonly name = 'BrokenInvariant'
}

/** Ends the process, in production too, when `fact` does not hold. One fact per call. */
export function assert(fact: boolean, message: string): asserts fact {
  if (!fact) throw new BrokenInvariant(message)
}

/** The last branch of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new BrokenInvariant(`unreachable: ${JSON.stringify(value)}`)
}

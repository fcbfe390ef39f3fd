/**
 * One question that many ask. Whoever asks gets an answer to a question that was put after they asked, but callers that
 * wait at the same time share one. A question that failed is not the answer to the next one.
 */
export class SharedQuestion<T> {
  private readonly put: () => Promise<T>
  private running: Promise<T> | undefined
  private following: Promise<T> | undefined

  constructor(put: () => Promise<T>) {
    this.put = put
  }

  /** Rejects as the question does. */
  ask(): Promise<T> {
    if (this.running === undefined) return this.begin()
    this.following ??= this.running.then(
      () => this.begin(),
      () => this.begin(),
    )
    return this.following
  }

  private begin(): Promise<T> {
    const asked = this.put()
    const over = () => {
      if (this.running === asked) this.running = undefined
    }
    this.running = asked
    this.following = undefined
    asked.then(over, over)
    return asked
  }
}

/** Typed events: a name, and what listeners are told under it. */
export class Emitter<Events> {
  private readonly listeners: { [Name in keyof Events]?: Set<(value: Events[Name]) => void> } = {}

  /** Calls `listener` for every event of that name; the returned function ends it. */
  on<Name extends keyof Events>(name: Name, listener: (value: Events[Name]) => void): () => void {
    const listeners = this.listeners[name] ?? new Set<(value: Events[Name]) => void>()
    this.listeners[name] = listeners
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  emit<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    for (const listener of [...(this.listeners[name] ?? [])]) listener(value)
  }
}

import type { Fake, FakeWorld } from './fake.ts'

/** A fake that gives tokens by which it is spoken to. */
export interface GrantingFake extends Fake {
  /** From now on no token that was given is good. */
  spoil(): void
}

/** Tokens that a fake has given, each good for a while by its clock. */
export class Grants {
  private readonly goodUntil = new Map<string, number>()
  private made = 0
  private readonly world: FakeWorld
  private readonly lifeSeconds: number

  constructor(world: FakeWorld, lifeSeconds: number) {
    this.world = world
    this.lifeSeconds = lifeSeconds
  }

  grant(): string {
    const token = `granted-${++this.made}`
    this.goodUntil.set(token, this.world.now() + this.lifeSeconds * 1_000)
    return token
  }

  has(token: string): boolean {
    return this.world.now() < (this.goodUntil.get(token) ?? 0)
  }

  spoil(): void {
    this.goodUntil.clear()
  }
}

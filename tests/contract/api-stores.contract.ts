import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DayCounts } from '../../gateway/http/day-counts.ts'
import type { RememberedPackIds } from '../../gateway/http/idempotency.ts'
import type { KeyUses } from '../../gateway/http/keys.ts'
import { makePackId, type PackId, type UserId } from '../../schemas/ids.ts'

/** What the small stores of the HTTP API do, whichever server they are on. Each is shared by all gateways. */

export interface ApiStores {
  dayCounts: DayCounts
  keyUses: KeyUses
  packIds: RememberedPackIds
}

export interface ApiStoresUnderTest {
  /** As one gateway has them; several are there at once. */
  open(): ApiStores
  close(): Promise<void>
}

const DAY_MS = 86_400_000
const NOON = 20_000 * DAY_MS + DAY_MS / 2
const [shop, bank] = ['shop', 'bank'] as [UserId, UserId]
const packId = (n: number): PackId => makePackId(NOON, Buffer.alloc(10, n))

export function apiStoresContract(name: string, make: () => Promise<ApiStoresUnderTest>): void {
  describe(`stores of the HTTP API: ${name}`, () => {
    let under: ApiStoresUnderTest
    let one: ApiStores
    let other: ApiStores

    beforeEach(async () => {
      under = await make()
      one = under.open()
      other = under.open()
    })
    afterEach(() => under.close())

    test('[HT20] requests of a key are counted for its day, over all gateways, however many come at once', async () => {
      const take = ({ dayCounts }: ApiStores, now = NOON) => dayCounts.take({ app: shop, keyId: 'till', now })
      expect(await take(one)).toBe(1)
      expect(await take(other)).toBe(2)
      const many = await Promise.all(Array.from({ length: 20 }, (_, i) => take(i % 2 === 0 ? one : other)))
      expect(many.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 3))
      expect(await take(one, NOON + DAY_MS / 2 - 1)).toBe(23)
      expect(await take(one, NOON + DAY_MS / 2)).toBe(1)
      expect(await take(other)).toBe(24)
    })

    test('[HT20] keys and apps are counted by themselves, and read in the order asked', async () => {
      const { dayCounts } = one
      await dayCounts.take({ app: shop, keyId: 'a', now: NOON })
      await dayCounts.take({ app: shop, keyId: 'b', now: NOON })
      await dayCounts.take({ app: shop, keyId: 'b', now: NOON })
      await dayCounts.take({ app: bank, keyId: 'a', now: NOON })
      expect(await other.dayCounts.of({ app: shop, keyIds: ['b', 'none', 'a'], now: NOON })).toEqual([2, 0, 1])
      expect(await other.dayCounts.of({ app: bank, keyIds: ['a', 'b'], now: NOON })).toEqual([1, 0])
      expect(await other.dayCounts.of({ app: shop, keyIds: ['a'], now: NOON + DAY_MS })).toEqual([0])
      expect(await other.dayCounts.of({ app: shop, keyIds: [], now: NOON })).toEqual([])
    })

    test('[HT45] when keys were used last is told for each app, by whichever gateway saw it', async () => {
      await one.keyUses.note([
        { app: shop, keyId: 'a', at: 5 },
        { app: bank, keyId: 'a', at: 6 },
      ])
      await other.keyUses.note([{ app: shop, keyId: 'b', at: 7 }])
      await other.keyUses.note([{ app: shop, keyId: 'a', at: 8 }])
      expect(await one.keyUses.of(shop)).toEqual(
        new Map([
          ['a', 8],
          ['b', 7],
        ]),
      )
      expect(await other.keyUses.of(bank)).toEqual(new Map([['a', 6]]))
      expect(await one.keyUses.of('nobody' as UserId)).toEqual(new Map())
    })

    test('[HT3] of many who remember a name at once all are given the packId of the first', async () => {
      const given = await Promise.all(
        Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? one : other).packIds.remember('order', packId(i))),
      )
      expect(new Set(given).size).toBe(1)
      expect(await one.packIds.remember('order', packId(99))).toBe(given[0])
      expect(await other.packIds.remember('another', packId(99))).toBe(packId(99))
    })
  })
}

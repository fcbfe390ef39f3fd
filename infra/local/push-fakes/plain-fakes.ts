import type { Fake, FakeWorld } from './fake.ts'
import { fakeHttps } from './fake-https.ts'
import { fakeHonor, fakeHuawei, fakeMeizu, fakeOppo, fakeVivo, fakeXiaomi } from './fake-vendors.ts'

/** The fakes that need no TLS: each with an account of one app, as it stands in a file of credentials. */
export interface PlainFakes {
  fakes: readonly Fake[]
  /** By vendor; `url` is where the fakes are served. */
  credentials(url: string): Record<PlainVendor, Record<string, string>>
}

export type PlainVendor = 'https' | 'huawei' | 'honor' | 'xiaomi' | 'oppo' | 'vivo' | 'meizu'

/** Each account has secrets of its own, made from this one. */
export function plainFakes(world: FakeWorld, secret: string): PlainFakes {
  const accounts = {
    https: { secret: `${secret} https` },
    huawei: { clientId: 'hw', clientSecret: `${secret} huawei` },
    honor: { appId: 'ho', clientId: 'hoc', clientSecret: `${secret} honor` },
    xiaomi: { appSecret: `${secret} xiaomi` },
    oppo: { appKey: 'ok', masterSecret: `${secret} oppo` },
    vivo: { appId: 'va', appKey: 'vk', appSecret: `${secret} vivo` },
    meizu: { appId: 'ma', appSecret: `${secret} meizu` },
  }
  const fakes = [
    fakeHttps(world, accounts.https),
    fakeHuawei(world, accounts.huawei),
    fakeHonor(world, accounts.honor),
    fakeXiaomi(world, accounts.xiaomi),
    fakeOppo(world, accounts.oppo),
    fakeVivo(world, accounts.vivo),
    fakeMeizu(world, accounts.meizu),
  ]
  return {
    fakes,
    credentials: url => {
      const of = (name: PlainVendor) => `${url}/${name}`
      return {
        https: { ...accounts.https, url: of('https') },
        huawei: { ...accounts.huawei, url: of('huawei'), authUrl: of('huawei') },
        honor: { ...accounts.honor, url: of('honor'), authUrl: of('honor') },
        xiaomi: { ...accounts.xiaomi, url: of('xiaomi') },
        oppo: { ...accounts.oppo, url: of('oppo') },
        vivo: { ...accounts.vivo, url: of('vivo') },
        meizu: { ...accounts.meizu, url: of('meizu') },
      }
    },
  }
}

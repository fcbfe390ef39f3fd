import { generateKeyPairSync, type KeyPairKeyObjectResult } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TEST_CERTIFICATE } from '../../../gateway/testing/certificate.ts'
import { type Clock, systemClock } from '../../../infra/clock.ts'
import { type FakeAnswer, type FakeRequest, FakeWorld } from '../../../infra/local/push-fakes/fake.ts'
import { type FakeApns, startFakeApns } from '../../../infra/local/push-fakes/fake-apns.ts'
import { fakeFcm } from '../../../infra/local/push-fakes/fake-fcm.ts'
import type { GrantingFake } from '../../../infra/local/push-fakes/grants.ts'
import { plainFakes } from '../../../infra/local/push-fakes/plain-fakes.ts'
import { startFakeServer } from '../../../infra/local/push-fakes/server.ts'
import type { VendorName } from '../../../schemas/push-devices.ts'
import type { PushMessage, SendResult, Vendor } from '../vendor.ts'
import { loadVendors, type Vendors } from '../vendors.ts'

/** Every vendor's client with its fake at the other end of a TLS connection. */

export const APP = 'com.example.chat'
export const RECEIPTS_URL = 'https://im.example.com'
export const ALL = ['apns', 'fcm', 'huawei', 'honor', 'xiaomi', 'oppo', 'vivo', 'meizu', 'https'] as const
/** Those that grant a token by which they are spoken to. */
export const GRANTING = ['fcm', 'huawei', 'honor', 'oppo', 'vivo'] as const
/** Stands in every secret that is a text. */
export const SECRET = 'a secret of the test,'

export class VendorWorld {
  readonly fakes = new FakeWorld()
  /** Of the file of credentials, by vendor. */
  credentials: Record<string, Record<string, unknown>> = {}
  apns!: FakeApns
  folder!: string
  private vendors!: Vendors
  private readonly granting = new Map<string, GrantingFake>()
  private readonly closers: (() => Promise<void>)[] = []
  private env: Record<string, string> = {}
  private tokens = 0

  static async start(): Promise<VendorWorld> {
    const world = new VendorWorld()
    await world.startFakes()
    await world.startClients()
    return world
  }

  private async startFakes(): Promise<void> {
    const { fakes } = this
    this.folder = await mkdtemp(join(tmpdir(), 'packlog-vendors-'))
    const ec = pemOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }))
    const rsa = pemOf(generateKeyPairSync('rsa', { modulusLength: 2_048 }))
    const tls = TEST_CERTIFICATE
    const plain = plainFakes(fakes, SECRET)
    const fcm = fakeFcm(fakes, { projectId: 'proj', clientEmail: 'me@proj', publicKey: rsa.publicKey })
    const server = await startFakeServer(fakes, plain.fakes, { tls })
    const google = await startFakeServer(fakes, [fcm], { tls, only: 'fcm' })
    this.apns = await startFakeApns(fakes, {
      tls,
      teamId: 'team',
      keyId: 'kid',
      publicKey: ec.publicKey,
      topics: [APP],
    })
    this.closers.push(server.close, google.close, this.apns.close)
    for (const fake of [...plain.fakes, fcm]) this.granting.set(fake.name, fake as GrantingFake)
    await writeFile(join(this.folder, 'ca.pem'), tls.cert)
    await writeFile(join(this.folder, 'key.p8'), ec.privateKey)
    this.env = { FCM_KEY: rsa.privateKey }
    const host = new URL(google.url).host
    this.credentials = {
      ...plain.credentials(server.url),
      apns: { teamId: 'team', keyId: 'kid', privateKey: { file: 'key.p8' }, url: this.apns.url },
      fcm: {
        projectId: 'proj',
        clientEmail: 'me@proj',
        privateKey: { env: 'FCM_KEY' },
        tokenUrl: `${google.url}/token`,
        host,
      },
    }
  }

  /** The clients of the product, new ones: nothing was granted yet, and no vendor's time is known. */
  async startClients(clock: Clock = systemClock, credentials = this.credentials): Promise<void> {
    const receipts = { url: RECEIPTS_URL, secret: `${SECRET} receipts` }
    const file = join(this.folder, 'push.json')
    await writeFile(file, JSON.stringify({ caFile: 'ca.pem', receipts, apps: { [APP]: credentials } }))
    this.vendors = await loadVendors({ file, env: this.env, clock })
    this.closers.unshift(this.vendors.close)
  }

  async stop(): Promise<void> {
    for (const close of this.closers) await close()
    await rm(this.folder, { recursive: true, force: true })
  }

  vendor(name: string): Vendor {
    return this.vendors.of(name as VendorName, APP)!
  }

  /** Forgets what came in, and sets the vendors' clocks right. */
  clear(): void {
    this.fakes.clear()
    this.fakes.aheadMs = 0
  }

  /** What a vendor has granted is no longer good. */
  spoil(name: string): void {
    this.granting.get(name)!.spoil()
  }

  message(more: Partial<PushMessage> = {}): PushMessage {
    return {
      pushId: '3-7-0123456789abcdef',
      token: `token${++this.tokens}`,
      packageName: APP,
      title: 'Bob',
      body: 'hello',
      uri: '',
      badge: 4,
      collapseKey: '0123456789abcdef0123456789abcdef',
      ttlMs: 86_400_000,
      sentAt: systemClock.now(),
      isUrgent: false,
      data: { pushId: '3-7-0123456789abcdef', sessionId: 's:alice:bob', seq: '5' },
      options: {},
      isWithdrawal: false,
      ...more,
    }
  }

  /** Sends one notification; gives what is made of it. */
  async send(name: string): Promise<SendResult> {
    const [result] = await this.vendor(name).send([this.message()])
    return result!
  }

  /** What is made of an answer. */
  async answered(name: string, answer: FakeAnswer | 'drop'): Promise<SendResult> {
    this.fakes.force(name, answer)
    return this.send(name)
  }

  /** The calls that came in to get a token, and those to send. */
  calls(): { grants: FakeRequest[]; sends: FakeRequest[] } {
    const isGrant = ({ path }: FakeRequest) => GRANT_PATHS.includes(path)
    const { requests } = this.fakes
    return { grants: requests.filter(isGrant), sends: requests.filter(request => !isGrant(request)) }
  }
}

const GRANT_PATHS = ['/token', '/oauth2/v3/token', '/auth/token', '/server/v1/auth', '/message/auth']

/** `accepted`, or the kind with the scope where there is one. */
export function brief(result: SendResult | undefined): string | undefined {
  return result?.kind === 'retry' && result.scope === 'service' ? 'retryService' : result?.kind
}

function pemOf({ publicKey, privateKey }: KeyPairKeyObjectResult) {
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../../infra/clock.ts'
import { VENDOR_NAMES, type VendorName } from '../../schemas/push-devices.ts'
import type { Languages } from './templates.ts'
import type { Vendor } from './vendor.ts'
import { apnsCredentials, apnsVendor } from './vendor-apns.ts'
import { fcmCredentials, fcmVendor } from './vendor-fcm.ts'
import { honorCredentials, honorVendor } from './vendor-honor.ts'
import { vendorHttp } from './vendor-http.ts'
import { httpsCredentials, httpsVendor, type VendorParts } from './vendor-https.ts'
import { huaweiCredentials, huaweiVendor } from './vendor-huawei.ts'
import { meizuCredentials, meizuVendor } from './vendor-meizu.ts'
import { oppoCredentials, oppoVendor } from './vendor-oppo.ts'
import { vivoCredentials, vivoVendor } from './vendor-vivo.ts'
import { xiaomiCredentials, xiaomiVendor } from './vendor-xiaomi.ts'

/**
 * The credentials of apps, and the vendors that they make. A file holds them (PACKLOG_PUSH_FILE, docs/push.md); a
 * secret may stand in a file of its own or in the environment instead: {"file": "..."} or {"env": "..."}. Nothing of
 * it is ever logged: errors name the field, not what stands in it.
 */

/** The file of credentials cannot be used; the message names what is wrong. */
export class BadPushFile extends Error {
  override readonly name = 'BadPushFile'
}

export interface Vendors {
  of(name: VendorName, packageName: string): Vendor | undefined
  languages: Languages
  close(): Promise<void>
}

export const NO_VENDORS: Vendors = { of: () => undefined, languages: {}, close: async () => {} }

type Maker = { credentials: z.ZodType; make(credentials: unknown, parts: VendorParts): Vendor }

function maker<Credentials>(
  credentials: z.ZodType<Credentials, unknown>,
  make: (credentials: Credentials, parts: VendorParts) => Vendor,
): Maker {
  return { credentials, make: (value, parts) => make(value as Credentials, parts) }
}

const MAKERS: Record<VendorName, Maker> = {
  apns: maker(apnsCredentials, apnsVendor),
  huawei: maker(huaweiCredentials, huaweiVendor),
  xiaomi: maker(xiaomiCredentials, xiaomiVendor),
  meizu: maker(meizuCredentials, meizuVendor),
  vivo: maker(vivoCredentials, vivoVendor),
  oppo: maker(oppoCredentials, oppoVendor),
  fcm: maker(fcmCredentials, fcmVendor),
  honor: maker(honorCredentials, honorVendor),
  https: maker(httpsCredentials, httpsVendor),
}

const fileSchema = z.strictObject({
  /** PEM file of who signs the vendors' certificates; only for services that are not public. */
  caFile: z.string().min(1).optional(),
  apps: z.record(z.string(), z.partialRecord(z.enum(VENDOR_NAMES as [VendorName, ...VendorName[]]), z.unknown())),
  templates: z.record(z.string(), z.record(z.string(), z.string())).default({}),
})

export interface VendorsOptions {
  /** Path of the file. */
  file: string
  env: Readonly<Record<string, string | undefined>>
  clock: Clock
}

/** Reads the file and makes the vendors of every app. Throws BadPushFile. */
export async function loadVendors({ file, env, clock }: VendorsOptions): Promise<Vendors> {
  const { caFile, apps, templates } = parse(fileSchema, await readJson(file), file)
  const near = (path: string) => resolve(dirname(file), path)
  const ca = caFile === undefined ? undefined : await readText(near(caFile), `${file}: caFile`)
  const made = new Map<string, Vendor>()
  const closers: (() => void)[] = []
  for (const [packageName, vendors] of Object.entries(apps)) {
    for (const [name, raw] of Object.entries(vendors) as [VendorName, unknown][]) {
      const place = `${file}: apps.${packageName}.${name}`
      const { credentials, make } = MAKERS[name]
      const whole = await withSecrets(raw, { env, near, place })
      const http = vendorHttp({ clock, ca })
      closers.push(() => http.close())
      made.set(
        `${name} ${packageName}`,
        make(parse(credentials, whole, place), { http, clock, ...(ca === undefined ? {} : { ca }) }),
      )
    }
  }
  return {
    of: (name, packageName) => made.get(`${name} ${packageName}`),
    languages: templates,
    close: async () => {
      await Promise.all([...made.values()].map(vendor => vendor.close()))
      for (const close of closers) close()
    },
  }
}

function parse<T>(schema: z.ZodType<T, unknown>, value: unknown, place: string): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'it'}: ${message}`)
  throw new BadPushFile(`${place}: ${faults.join('; ')}`)
}

async function readText(path: string, place: string): Promise<string> {
  return readFile(path, 'utf8').catch(error => {
    throw new BadPushFile(`${place} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`)
  })
}

async function readJson(file: string): Promise<unknown> {
  const text = await readText(file, file)
  try {
    return JSON.parse(text)
  } catch {
    throw new BadPushFile(`${file} is not JSON`)
  }
}

interface SecretPlace {
  env: VendorsOptions['env']
  near(path: string): string
  place: string
}

/** Puts secrets in the place of those who name where they are. */
async function withSecrets(raw: unknown, { env, near, place }: SecretPlace): Promise<unknown> {
  if (typeof raw !== 'object' || raw === null) return raw
  const entries = Object.entries(raw).map(async ([name, value]): Promise<[string, unknown]> => {
    if (typeof value !== 'object' || value === null) return [name, value]
    if ('file' in value && typeof value.file === 'string') {
      return [name, (await readText(near(value.file), `${place}.${name}`)).trim()]
    }
    if ('env' in value && typeof value.env === 'string') {
      const secret = env[value.env]
      if (secret === undefined) throw new BadPushFile(`${place}.${name}: the environment has no ${value.env}`)
      return [name, secret]
    }
    return [name, value]
  })
  return Object.fromEntries(await Promise.all(entries))
}

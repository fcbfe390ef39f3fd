import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import type { Clock, Millis } from '../../infra/clock.ts'
import { VENDOR_NAMES, type VendorName } from '../../schemas/push-devices.ts'
import {
  RECEIPT_PATH,
  RECEIPT_URL_CHARS_MAX,
  type Receipt,
  type ReceiptCall,
  type ReceiptFormat,
  receiptKey,
} from './receipt-format.ts'
import type { Languages } from './templates.ts'
import type { Vendor } from './vendor.ts'
import { apnsCredentials, apnsVendor } from './vendor-apns.ts'
import { fcmCredentials, fcmVendor } from './vendor-fcm.ts'
import { honorCredentials, honorReceipts, honorVendor } from './vendor-honor.ts'
import { type VendorParts, vendorHttp } from './vendor-http.ts'
import { httpsCredentials, httpsVendor } from './vendor-https.ts'
import { huaweiCredentials, huaweiReceipts, huaweiVendor } from './vendor-huawei.ts'
import { meizuCredentials, meizuReceipts, meizuVendor } from './vendor-meizu.ts'
import { oppoCredentials, oppoReceipts, oppoVendor } from './vendor-oppo.ts'
import { vivoCredentials, vivoReceipts, vivoVendor } from './vendor-vivo.ts'
import { xiaomiCredentials, xiaomiReceipts, xiaomiVendor } from './vendor-xiaomi.ts'

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

interface Maker {
  credentials: z.ZodType
  make(credentials: unknown, parts: VendorParts): Vendor
  /** Of vendors that report what became of pushes. */
  receipts?: ReceiptFormat
}

function maker<Credentials>(
  credentials: z.ZodType<Credentials, unknown>,
  make: (credentials: Credentials, parts: VendorParts) => Vendor,
  receipts?: ReceiptFormat<Credentials>,
): Maker {
  const made: Maker = { credentials, make: (value, parts) => make(value as Credentials, parts) }
  return receipts === undefined ? made : { ...made, receipts: receipts as ReceiptFormat }
}

const MAKERS: Record<VendorName, Maker> = {
  apns: maker(apnsCredentials, apnsVendor),
  huawei: maker(huaweiCredentials, huaweiVendor, huaweiReceipts),
  xiaomi: maker(xiaomiCredentials, xiaomiVendor, xiaomiReceipts),
  meizu: maker(meizuCredentials, meizuVendor, meizuReceipts),
  vivo: maker(vivoCredentials, vivoVendor, vivoReceipts),
  oppo: maker(oppoCredentials, oppoVendor, oppoReceipts),
  fcm: maker(fcmCredentials, fcmVendor),
  honor: maker(honorCredentials, honorVendor, honorReceipts),
  https: maker(httpsCredentials, httpsVendor),
}

const fileSchema = z.strictObject({
  /** PEM file of who signs the vendors' certificates; only for services that are not public. */
  caFile: z.string().min(1).optional(),
  /** Where vendors report what became of pushes: the gateway as they reach it, and the secret of the keys in its URLs. */
  receipts: z.unknown().optional(),
  apps: z.record(z.string(), z.partialRecord(z.enum(VENDOR_NAMES as [VendorName, ...VendorName[]]), z.unknown())),
  templates: z.record(z.string(), z.record(z.string(), z.string())).default({}),
})

const receiptsSchema = z.strictObject({ url: z.url({ protocol: /^https?$/ }), secret: z.string().min(16) })

export interface VendorsOptions {
  /** Path of the file. */
  file: string
  env: Readonly<Record<string, string | undefined>>
  clock: Clock
}

/** One vendor of one app, with its credentials. */
interface Entry {
  name: VendorName
  packageName: string
  credentials: unknown
  /** Where it reports, and the key in that URL; undefined where it does not. */
  receipts: { url: string; key: string } | undefined
}

/** Reads the file and makes the vendors of every app. Throws BadPushFile. */
export async function loadVendors({ file, env, clock }: VendorsOptions): Promise<Vendors> {
  const { ca, templates, entries } = await readPushFile({ file, env })
  const made = new Map<string, Vendor>()
  const closers: (() => void)[] = []
  for (const { name, packageName, credentials, receipts } of entries) {
    const http = vendorHttp({ clock, ca })
    closers.push(() => http.close())
    const more = {
      ...(ca === undefined ? {} : { ca }),
      ...(receipts === undefined ? {} : { receiptUrl: receipts.url }),
    }
    made.set(`${name} ${packageName}`, MAKERS[name].make(credentials, { http, clock, ...more }))
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

/** Where one vendor reports what became of the pushes of one app. */
export interface ReceiptDesk {
  vendor: VendorName
  packageName: string
  /** That vendors call; stands in their consoles where it is not sent with each message. */
  url: string
  key: string
  isAuthentic(call: ReceiptCall, now: Millis): boolean
  read(body: unknown): Receipt[] | undefined
}

export interface ReceiptDesks {
  of(vendor: string, packageName: string): ReceiptDesk | undefined
  all: readonly ReceiptDesk[]
}

/** Reads the file and gives where vendors report. Throws BadPushFile. */
export async function loadReceiptDesks(options: Omit<VendorsOptions, 'clock'>): Promise<ReceiptDesks> {
  const { entries } = await readPushFile(options)
  const desks = new Map<string, ReceiptDesk>()
  for (const { name, packageName, credentials, receipts } of entries) {
    const format = MAKERS[name].receipts
    if (format === undefined || receipts === undefined) continue
    desks.set(`${name} ${packageName}`, {
      vendor: name,
      packageName,
      ...receipts,
      isAuthentic: (call, now) => format.isAuthentic(call, credentials, now),
      read: body => format.read(body),
    })
  }
  return { of: (vendor, packageName) => desks.get(`${vendor} ${packageName}`), all: [...desks.values()] }
}

async function readPushFile({ file, env }: Omit<VendorsOptions, 'clock'>) {
  const { caFile, apps, templates, receipts } = parse(fileSchema, await readJson(file), file)
  const near = (path: string) => resolve(dirname(file), path)
  const ca = caFile === undefined ? undefined : await readText(near(caFile), `${file}: caFile`)
  const place = `${file}: receipts`
  const reporting =
    receipts === undefined ? undefined : parse(receiptsSchema, await withSecrets(receipts, { env, near, place }), place)
  const entries: Entry[] = []
  for (const [packageName, vendors] of Object.entries(apps)) {
    for (const [name, raw] of Object.entries(vendors) as [VendorName, unknown][]) {
      const place = `${file}: apps.${packageName}.${name}`
      const credentials = parse(MAKERS[name].credentials, await withSecrets(raw, { env, near, place }), place)
      const isReporting = reporting !== undefined && MAKERS[name].receipts !== undefined
      entries.push({
        name,
        packageName,
        credentials,
        receipts: isReporting ? receiptPlace(reporting, { name, packageName, place }) : undefined,
      })
    }
  }
  return { ca, templates, entries }
}

function receiptPlace(
  { url, secret }: z.infer<typeof receiptsSchema>,
  { name, packageName, place }: { name: VendorName; packageName: string; place: string },
): { url: string; key: string } {
  const key = receiptKey(secret, name, packageName)
  const whole = `${url.replace(/\/$/, '')}${RECEIPT_PATH}/${name}/${encodeURIComponent(packageName)}/${key}`
  if (whole.length > RECEIPT_URL_CHARS_MAX) {
    throw new BadPushFile(`${place}: its URL for receipts has more than ${RECEIPT_URL_CHARS_MAX} characters`)
  }
  return { url: whole, key }
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

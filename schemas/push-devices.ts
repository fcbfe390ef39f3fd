import type { Millis } from '../infra/clock.ts'
import type { Attribute } from './settings.ts'

/** Where users are pushed to. The fields are those of the schemas, which say what each means. */

/** The services by which devices are pushed to, under the numbers of the Tars IM; ours are 9 and above. */
export const ServiceType = {
  none: 0,
  apns: 1,
  huawei: 2,
  xiaomi: 3,
  meizu: 4,
  vivo: 5,
  oppo: 6,
  fcm: 7,
  honor: 8,
  /** HTTPS calls to a service of the operator's own. */
  https: 9,
} as const
export type ServiceName = keyof typeof ServiceType
/** A service that pushes. */
export type VendorName = Exclude<ServiceName, 'none'>

export const VENDOR_NAMES = Object.keys(ServiceType).filter(name => name !== 'none') as VendorName[]

/** The vendor of a service type; undefined where there is none of this number. */
export function vendorOf(serviceType: number): VendorName | undefined {
  return VENDOR_NAMES.find(name => ServiceType[name] === serviceType)
}

export interface DeviceRegistration {
  /** A value of ServiceType. */
  serviceType: number
  packageName: string
  appVersion: string
  token: string
  locale?: string
  timeZone?: string
  contentHidden?: boolean
}

export interface PushDevice extends Required<DeviceRegistration> {
  deviceType: number
  deviceId: string
  at: Millis
}

export interface PushTokenRemoved {
  serviceType: number
  token: string
  reason: string
}

export interface PushOptions {
  serviceType: number
  json: string
}

/** What an app pushes to a user that is no message. */
export interface PushRequest {
  title: string
  content: string
  uri: string
  unreadCount?: number
  extraData: Attribute[]
  options: PushOptions[]
}

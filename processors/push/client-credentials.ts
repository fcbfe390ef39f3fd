import type { Clock } from '../../infra/clock.ts'
import { type Access, AccessDenied, makeAccess } from './access.ts'
import { FORM, formOf, jsonOf, type VendorHttp } from './vendor-http.ts'

/** Access by OAuth 2.0 client credentials, as Huawei and Honor grant it. `url` is that of the token endpoint. */
export function clientCredentials(
  { url, clientId, clientSecret }: { url: string; clientId: string; clientSecret: string },
  { http, clock }: { http: VendorHttp; clock: Clock },
): Access {
  const body = formOf({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret })
  return makeAccess(async () => {
    const { status, text } = await http.post({ url, headers: FORM, body })
    const { access_token: token, expires_in: seconds, error } = jsonOf(text)
    if (typeof token === 'string') return { token, lifeMs: Number(seconds ?? TOKEN_SECONDS_DEFAULT) * 1_000 }
    throw new AccessDenied(`${status} ${String(error ?? 'no token')}`, { mayPass: status >= 500 || status === 429 })
  }, clock)
}

const TOKEN_SECONDS_DEFAULT = 3_600

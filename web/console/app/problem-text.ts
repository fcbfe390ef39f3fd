import { Refused, Unreachable } from './api.ts'
import type { Translate } from './i18n.ts'

/** Whether the key lacks the scope; what an installation has not got is refused under another code. */
export function isForbidden(failure: Error | undefined): boolean {
  return failure instanceof Refused && failure.code === 'ACCESS_DENIED'
}

/** One line that says why something failed. */
export function problemText(error: Error, t: Translate): string {
  if (error instanceof Unreachable) return t('unreachable')
  if (!(error instanceof Refused)) return error.message
  if (error.status === 401) return t('keyRefused', { reason: error.message })
  if (isForbidden(error)) return t('forbidden', { reason: error.message })
  if (error.status === 429) return t('tooMany')
  return t('refused', { reason: error.message, code: error.code })
}

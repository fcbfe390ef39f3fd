import { useLanguage } from '../../parts/i18n.ts'
import { exactTime } from '../../parts/times.ts'

/** A moment, to the second. */
export function When({ at }: { at: number }) {
  const language = useLanguage()
  return (
    <time className="when" dateTime={new Date(at).toISOString()}>
      {exactTime(at, language)}
    </time>
  )
}

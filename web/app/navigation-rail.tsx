import { Indicator, UnstyledButton } from '@mantine/core'
import { IconMessageCircle, IconSettings, IconUsers } from '@tabler/icons-react'
import { useText } from './i18n.ts'
import { useMessenger } from './messenger-context.ts'
import { goTo, type Tab } from './route.ts'

const ICONS = { chats: IconMessageCircle, contacts: IconUsers, settings: IconSettings } as const
const COUNT_MAX = 99

/** The three places of the app: a rail at the side, or at the bottom of a phone. */
export function NavigationRail({ tab, unread }: { tab: Tab; unread: number }) {
  const t = useText()
  const messenger = useMessenger('friends')
  const requests = messenger.friends().filter(({ relation, blocked }) => relation === 'asked' && !blocked).length
  const counts = { chats: unread, contacts: requests, settings: 0 }
  return (
    <nav className="rail" aria-label={t('appName')}>
      {(Object.keys(ICONS) as Tab[]).map(name => {
        const Icon = ICONS[name]
        const count = counts[name]
        return (
          <UnstyledButton
            key={name}
            className="rail-item"
            aria-current={name === tab ? 'page' : undefined}
            onClick={() => goTo({ tab: name })}
          >
            <Indicator
              label={count > COUNT_MAX ? `${COUNT_MAX}+` : count}
              size={18}
              disabled={count === 0}
              color="red.8"
              offset={2}
            >
              <Icon size={24} stroke={1.7} aria-hidden />
            </Indicator>
            <span>{t(name)}</span>
          </UnstyledButton>
        )
      })}
    </nav>
  )
}

import { AppShell, Burger, Group, Menu, NavLink, ScrollArea, Text, UnstyledButton } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import {
  IconActivityHeartbeat,
  IconChartBar,
  IconHistory,
  IconKey,
  IconLanguage,
  IconLock,
  IconLogout,
  IconMailX,
  IconMessageSearch,
  IconMoon,
  IconSpeakerphone,
  IconSun,
  IconUser,
  IconUsersGroup,
  IconWebhook,
} from '@tabler/icons-react'
import { Suspense, useEffect } from 'react'
import { LANGUAGES, type Language } from '../../parts/i18n.ts'
import { Logo } from '../../parts/logo.tsx'
import { SCHEMES, usePreferences } from '../../parts/preferences.ts'
import { Loading } from '../parts/asked-pane.tsx'
import { OfflineBar } from '../parts/offline-bar.tsx'
import { ToneBadge } from '../parts/tone-badge.tsx'
import { useConsole, useMay } from './console-context.ts'
import { useText } from './i18n.ts'
import { roleOf } from './operator.ts'
import { PAGES } from './pages.ts'
import { hashOf, PLACES, type Place, useRoute } from './route.ts'

const ICONS: Record<Place, typeof IconUser> = {
  overview: IconChartBar,
  health: IconActivityHeartbeat,
  users: IconUser,
  groups: IconUsersGroup,
  messages: IconMessageSearch,
  broadcasts: IconSpeakerphone,
  webhooks: IconWebhook,
  deadLetters: IconMailX,
  keys: IconKey,
  audit: IconHistory,
}

/** The console of an operator who is logged in: the places at the side, and the one that the address names. */
export function Shell() {
  const t = useText()
  const route = useRoute()
  const [isOpen, { toggle, close }] = useDisclosure()
  const { place, id } = route
  const Page = PAGES[place]
  useEffect(() => {
    document.title = `${t(place)} · ${t('consoleName')}`
  }, [place, t])
  return (
    <AppShell
      layout="alt"
      header={{ height: 56 }}
      navbar={{ width: 232, breakpoint: 'md', collapsed: { mobile: !isOpen } }}
      padding={0}
    >
      <AppShell.Header className="console-head">
        <Burger opened={isOpen} onClick={toggle} hiddenFrom="md" size="sm" aria-label={t('navigation')} />
        <span className="grow" />
        <Account />
      </AppShell.Header>
      <AppShell.Navbar className="console-nav" aria-label={t('navigation')}>
        <Group className="console-brand" gap="xs" wrap="nowrap">
          <Logo size={28} />
          <Text fw={700} className="grow">
            packlog
          </Text>
          <Burger opened={isOpen} onClick={close} hiddenFrom="md" size="sm" aria-label={t('close')} />
        </Group>
        <Places place={place} onChosen={close} />
      </AppShell.Navbar>
      <AppShell.Main>
        <OfflineBar />
        <div className="console-page">
          <Suspense fallback={<Loading />}>
            <Page key={`${place}/${id ?? ''}`} {...(id === undefined ? {} : { id })} />
          </Suspense>
        </div>
      </AppShell.Main>
    </AppShell>
  )
}

function Places({ place: current, onChosen }: { place: Place; onChosen(): void }) {
  const t = useText()
  const may = useMay()
  return (
    <ScrollArea className="grow" viewportProps={{ tabIndex: -1 }}>
      {(Object.keys(PLACES) as Place[]).map(place => {
        const Icon = ICONS[place]
        return (
          <NavLink
            key={place}
            href={hashOf({ place })}
            label={t(place)}
            active={place === current}
            aria-current={place === current ? 'page' : undefined}
            leftSection={<Icon size={18} stroke={1.7} aria-hidden />}
            rightSection={may(PLACES[place]) ? undefined : <IconLock size={14} aria-label={t('locked')} role="img" />}
            onClick={onChosen}
          />
        )
      })}
    </ScrollArea>
  )
}

function Account() {
  const t = useText()
  const { operator, logOut } = useConsole()
  const { language, scheme, setLanguage, setScheme } = usePreferences()
  const nextLanguage: Language = language === 'en' ? 'zh' : 'en'
  const nextScheme = SCHEMES[(SCHEMES.indexOf(scheme) + 1) % SCHEMES.length]!
  const schemeName = { auto: t('system'), light: t('light'), dark: t('dark') }
  return (
    <Menu position="bottom-end" width={240} withinPortal>
      <Menu.Target>
        <UnstyledButton className="account">
          <span className="account-text">
            <Text component="span" size="sm" fw={600} truncate>
              {operator.name}
            </Text>
            <Text component="span" size="xs" className="quiet" truncate>
              {operator.app}
            </Text>
          </span>
          <ToneBadge tone="busy">{t(roleOf(operator.scopes))}</ToneBadge>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconLanguage size={16} />} onClick={() => setLanguage(nextLanguage)}>
          {LANGUAGES[nextLanguage]}
        </Menu.Item>
        <Menu.Item
          leftSection={scheme === 'dark' ? <IconMoon size={16} /> : <IconSun size={16} />}
          closeMenuOnClick={false}
          onClick={() => setScheme(nextScheme)}
        >
          {t('appearanceIs', { scheme: schemeName[scheme] })}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={logOut}>
          {t('logOut')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

import { Anchor } from '@mantine/core'
import { IconChevronLeft } from '@tabler/icons-react'
import { hashOf, type Route } from '../app/route.ts'

/** The way back to the list that something stands in. */
export function BackLink({ to, text }: { to: Route; text: string }) {
  return (
    <Anchor className="back-link" href={hashOf(to)} size="sm">
      <IconChevronLeft size={16} aria-hidden />
      {text}
    </Anchor>
  )
}

import { Badge } from '@mantine/core'
import type { ReactNode } from 'react'

const COLOURS = { good: 'teal', busy: 'blue', warn: 'orange', bad: 'red', quiet: 'gray' } as const
export type Tone = keyof typeof COLOURS

/** A word about how something stands; its letters are readable in both schemes. */
export function ToneBadge({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <Badge className="tone-badge" data-tone={tone} variant="light" color={COLOURS[tone]} size="sm">
      {children}
    </Badge>
  )
}

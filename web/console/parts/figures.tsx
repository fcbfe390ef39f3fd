import { Paper, Text } from '@mantine/core'
import type { ReactNode } from 'react'

export interface Figure {
  name: string
  value: ReactNode
  note?: ReactNode
  /** Somebody should look at it. */
  isBad?: boolean
  href?: string
}

/** Large numbers, side by side. */
export function Figures({ of: figures }: { of: readonly Figure[] }) {
  return (
    <div className="figures">
      {figures.map(({ name, value, note, isBad = false, href }) => (
        <Paper
          key={name}
          className="figure"
          data-bad={isBad}
          withBorder
          radius="lg"
          {...(href === undefined ? {} : { component: 'a', href })}
        >
          <Text component="span" size="sm" className="quiet block">
            {name}
          </Text>
          <span className="figure-value">{value}</span>
          {note !== undefined && (
            <Text component="span" size="xs" className="quiet block">
              {note}
            </Text>
          )}
        </Paper>
      ))}
    </div>
  )
}

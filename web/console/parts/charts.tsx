import type { ReactElement } from 'react'
import {
  Area,
  AreaChart,
  Bar,
  BarChart,
  CartesianGrid,
  Legend,
  Line,
  LineChart,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from 'recharts'
import { useLanguage } from '../../parts/i18n.ts'
import { numberText, shortNumberText } from '../../parts/times.ts'

/** Charts in the colours of the page. Who does not see them hears their label; the numbers are in the API. */

export interface ChartLine {
  /** The field of the rows. */
  name: string
  title: string
}

interface ChartProps {
  label: string
  rows: readonly object[]
  lines: readonly ChartLine[]
  unit?: string
  tick?: (at: string) => string
}

const HEIGHT = 240
const COLOURS = [
  'var(--chart-1)',
  'var(--chart-2)',
  'var(--chart-3)',
  'var(--chart-4)',
  'var(--chart-5)',
  'var(--chart-6)',
]

const colourOf = (index: number) => COLOURS[index % COLOURS.length]!
/** `02-28` of `2026-02-28`. */
const dayTick = (at: string) => at.slice(5)

/** What all charts have around their lines. */
function useFrame({ unit, tick = dayTick }: Pick<ChartProps, 'unit' | 'tick'>) {
  const language = useLanguage()
  const text = (value: unknown) => `${numberText(Number(value), language)}${unit === undefined ? '' : ` ${unit}`}`
  return [
    <CartesianGrid key="grid" vertical={false} stroke="var(--line)" />,
    <XAxis
      key="x"
      dataKey="at"
      tickFormatter={tick}
      tickLine={false}
      axisLine={{ stroke: 'var(--line)' }}
      minTickGap={28}
      tick={{ fontSize: 12, fill: 'var(--text-quiet)' }}
    />,
    <YAxis
      key="y"
      width={44}
      tickLine={false}
      axisLine={false}
      allowDecimals={false}
      tickFormatter={value => shortNumberText(Number(value), language)}
      tick={{ fontSize: 12, fill: 'var(--text-quiet)' }}
    />,
    <Tooltip
      key="tip"
      formatter={text}
      isAnimationActive={false}
      cursor={{ fill: 'var(--hover)', stroke: 'var(--line)' }}
      contentStyle={{
        background: 'var(--ground)',
        border: '1px solid var(--line)',
        borderRadius: 10,
        color: 'var(--text)',
        fontSize: 13,
      }}
    />,
    <Legend
      key="legend"
      itemSorter={null}
      iconType="circle"
      iconSize={8}
      wrapperStyle={{ fontSize: 12 }}
      formatter={LegendText}
    />,
  ]
}

function LegendText(title: string) {
  return <span className="legend-text">{title}</span>
}

function Framed({ label, children }: { label: string; children: ReactElement }) {
  return (
    <div role="img" aria-label={label} className="chart-frame">
      <ResponsiveContainer width="100%" height={HEIGHT}>
        {children}
      </ResponsiveContainer>
    </div>
  )
}

const MARGIN = { top: 8, right: 8, bottom: 0, left: 0 }

export function AreaFigure({ label, rows, lines, ...frame }: ChartProps) {
  const framed = useFrame(frame)
  return (
    <Framed label={label}>
      <AreaChart data={[...rows]} margin={MARGIN} accessibilityLayer={false}>
        {framed}
        {lines.map(({ name, title }, i) => (
          <Area
            key={name}
            dataKey={name}
            name={title}
            type="monotone"
            stroke={colourOf(i)}
            strokeWidth={2}
            fill={colourOf(i)}
            fillOpacity={0.16}
            isAnimationActive={false}
          />
        ))}
      </AreaChart>
    </Framed>
  )
}

export function BarFigure({ label, rows, lines, ...frame }: ChartProps) {
  const framed = useFrame(frame)
  return (
    <Framed label={label}>
      <BarChart data={[...rows]} margin={MARGIN} accessibilityLayer={false}>
        {framed}
        {lines.map(({ name, title }, i) => (
          <Bar key={name} dataKey={name} name={title} stackId="all" fill={colourOf(i)} isAnimationActive={false} />
        ))}
      </BarChart>
    </Framed>
  )
}

export function LineFigure({ label, rows, lines, ...frame }: ChartProps) {
  const framed = useFrame(frame)
  return (
    <Framed label={label}>
      <LineChart data={[...rows]} margin={MARGIN} accessibilityLayer={false}>
        {framed}
        {lines.map(({ name, title }, i) => (
          <Line
            key={name}
            dataKey={name}
            name={title}
            type="monotone"
            stroke={colourOf(i)}
            strokeWidth={2}
            dot={rows.length < 8}
            connectNulls
            isAnimationActive={false}
          />
        ))}
      </LineChart>
    </Framed>
  )
}

import { Avatar, Indicator } from '@mantine/core'

/** Colours of faces without a picture; white letters are readable on all of them. */
const COLOURS = [
  '#3b5bdb',
  '#0b7285',
  '#237032',
  '#a61e4d',
  '#862e9c',
  '#5f3dc4',
  '#b5450b',
  '#1864ab',
  '#37576b',
  '#846100',
]

interface FaceProps {
  name: string
  /** What the colour is taken from: it stays when the name changes. */
  id: string
  picture?: string
  size?: number
  isOnline?: boolean
}

/** A picture of somebody, or their initials. */
export function Face({ name, id, picture, size = 44, isOnline = false }: FaceProps) {
  let hash = 0
  for (const letter of id) hash = (hash * 31 + letter.charCodeAt(0)) >>> 0
  const colour = COLOURS[hash % COLOURS.length]!
  const face = (
    <Avatar
      src={/^https?:|^data:image\//.test(picture ?? '') ? picture : null}
      size={size}
      radius={size}
      alt=""
      aria-hidden
      styles={{ placeholder: { background: colour, color: '#fff', fontWeight: 600, border: 0, fontSize: size * 0.38 } }}
    >
      {initials(name)}
    </Avatar>
  )
  if (!isOnline) return face
  return (
    <Indicator color="green.6" size={12} offset={5} position="bottom-end" withBorder zIndex={1}>
      {face}
    </Indicator>
  )
}

function initials(name: string): string {
  const words = name
    .trim()
    .split(/[\s._-]+/)
    .filter(word => word !== '')
  const letters = words.slice(0, 2).map(word => [...word][0]!.toUpperCase())
  return /^[A-Z0-9]/.test(letters[0] ?? '') ? letters.join('') : (letters[0] ?? '?')
}

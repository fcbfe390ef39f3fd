import type { SeededRandom } from '../../infra/seeded-random.ts'

/** Drawn pictures of people and groups, small enough to be part of a profile: data URLs of SVG. */

const SKINS = ['#f6d3b8', '#eab98f', '#c98e62', '#9c6440', '#6d432b']
const HAIRS = ['#2b1d16', '#4a2f1d', '#8a5a2b', '#c9974a', '#1d1d24', '#8d8d94', '#7a2e1e']
const GROUNDS = ['#ffd8a8', '#b2f2bb', '#a5d8ff', '#d0bfff', '#fcc2d7', '#99e9f2', '#ffec99', '#eebefa']
const CLOTHES = ['#364fc7', '#0b7285', '#2b8a3e', '#a61e4d', '#e8590c', '#5f3dc4', '#343a40']
/** Outlines of hair over a head with its centre at 32,28 and a radius of 13. */
const CUTS = [
  'M19 28c0-20 26-20 26 0-2-8-6-10-13-10s-11 2-13 10z',
  'M18 42V26c0-18 28-18 28 0v16h-6V26c-6 0-10-3-12-6-2 4-4 6-5 6v16z',
  'M19 27c-2-18 28-20 26 1-4-3-5-7-7-8-6 3-14 3-19 7z',
  'M32 9c-16 0-15 14-13 19 1-6 5-9 13-9s12 3 13 9c2-5 3-19-13-19zM32 3a6 6 0 1 1 0 10 6 6 0 0 1 0-10z',
]

/** Somebody's face. */
export function portrait(random: SeededRandom): string {
  const [ground, skin, hair, clothes, cut] = [GROUNDS, SKINS, HAIRS, CLOTHES, CUTS].map(of => random.pick(of))
  return svg(
    ground!,
    `<path fill="${clothes}" d="M8 64c0-16 10-21 24-21s24 5 24 21z"/><path fill="${skin}" d="M27 38h10v9q-5 5-10 0z"/>` +
      `<circle cx="32" cy="28" r="13" fill="${skin}"/><path fill="${hair}" d="${cut}"/>` +
      '<circle cx="27" cy="29" r="1.6"/><circle cx="37" cy="29" r="1.6"/>' +
      '<path d="M27 35q5 4 10 0" fill="none" stroke="#000" stroke-width="1.4" stroke-linecap="round"/>',
  )
}

/** The sign of a group. */
export function emblem(emoji: string, random: SeededRandom): string {
  const text = `<text x="32" y="44" font-size="34" text-anchor="middle">${emoji}</text>`
  return svg(random.pick(GROUNDS), text)
}

function svg(ground: string, drawing: string): string {
  const text = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" fill="${ground}"/>${drawing}</svg>`
  return `data:image/svg+xml,${encodeURIComponent(text)}`
}

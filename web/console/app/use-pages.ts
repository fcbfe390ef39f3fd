import { useRef, useState } from 'react'
import { type Asked, useAsked } from './use-asked.ts'

/** A list that grows by pages. */
export interface Pages<Row> {
  rows: Row[]
  /** Where it goes on; undefined at its end. */
  next: string | undefined
}

export interface AskedPages<Row> extends Asked<Pages<Row>> {
  more(): void
}

/** Asks for the first page, and for the next at each `more`; asked again, it begins anew. */
export function usePages<Row>(
  key: string,
  askPage: (cursor: string | undefined) => Promise<{ rows: Row[]; next: string | undefined }>,
): AskedPages<Row> {
  const [count, setCount] = useState({ key, pages: 1 })
  const pages = count.key === key ? count.pages : 1
  const had = useRef<{ key: string; pages: number; list: Pages<Row> }>(undefined)
  const asked = useAsked(`${key} #${pages}`, async () => {
    const before = had.current
    const goesOn = before?.key === key && before.pages === pages - 1
    const page = await askPage(goesOn ? before.list.next : undefined)
    const list = goesOn ? { rows: [...before.list.rows, ...page.rows], next: page.next } : page
    had.current = { key, pages, list }
    return list
  })
  // While the next page is asked for, those before stay.
  const shown = asked.answer ?? (had.current?.key === key ? had.current.list : undefined)
  const begin = () => {
    had.current = undefined
    if (pages === 1) asked.again()
    else setCount({ key, pages: 1 })
  }
  return { ...asked, answer: shown, again: begin, more: () => setCount({ key, pages: pages + 1 }) }
}

import { Table } from '@mantine/core'
import type { ReactNode } from 'react'

export interface Column<Row> {
  /** What stands above it; empty for actions. */
  title: string
  cell(row: Row): ReactNode
  /** Left out on a phone. */
  isMinor?: boolean
  isNumber?: boolean
}

/** Rows with columns; wide ones scroll by themselves, never the page. */
export function DataTable<Row>(props: {
  label: string
  columns: readonly Column<Row>[]
  rows: readonly Row[]
  idOf(row: Row): string
}) {
  const { label, columns, rows, idOf } = props
  const kind = ({ isMinor, isNumber }: Column<Row>) =>
    [isMinor === true ? 'minor' : '', isNumber === true ? 'number' : ''].join(' ').trim()
  return (
    <section className="table-scroll" aria-label={label}>
      <Table verticalSpacing="xs" horizontalSpacing="md" highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            {columns.map(column => (
              <Table.Th key={column.title} className={kind(column)}>
                {column.title}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map(row => (
            <Table.Tr key={idOf(row)}>
              {columns.map(column => (
                <Table.Td key={column.title} className={kind(column)}>
                  {column.cell(row)}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </section>
  )
}

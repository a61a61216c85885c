import { useLayoutEffect, useRef, useState, type ReactNode } from 'react'
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table'
import type { KubeObject } from '@thresher/api/meta'
import type { Column, Tools } from '../page/page.ts'
import { useTexts } from '../text/text.ts'
import { windowOf, type Order, type Row } from './rows.ts'

/** The height of a row in pixels, as the style sheet has it. Rows of one height make it cheap to know which are in sight. */
const rowHeight = 45

/** Rows of objects, of which only those in sight are drawn. */
export function ObjectTable(props: {
  title: string
  rows: Row[]
  columns: Column[]
  tools: Tools
  order: Order
  onOrder: (order: Order) => void
  selected: ReadonlySet<string>
  onSelect: (selected: ReadonlySet<string>) => void
  actionsOf: (object: KubeObject) => ReactNode
}) {
  const texts = useTexts()
  const { title, rows, columns, tools, order, selected, onSelect } = props
  const [frame, sizes] = useScroll()
  const { first, end, before, after } = windowOf(rows.length, { row: rowHeight, ...sizes })
  const orderedIndex = columns.findIndex(({ id }) => id === order.column)
  const shares = columns.reduce((sum, { share = 1 }) => sum + share, 0)
  const everything = rows.length > 0 && rows.every(({ uid }) => selected.has(uid))
  const toggle = (uid: string, on: boolean) => {
    const next = new Set(selected)
    if (on) next.add(uid)
    else next.delete(uid)
    onSelect(next)
  }
  return (
    <div className="th-table-frame" ref={frame} tabIndex={0} role="region" aria-label={title}>
      <Table
        variant="compact"
        isStickyHeader
        gridBreakPoint=""
        aria-label={title}
        aria-rowcount={rows.length + 1}
        className="th-table"
      >
        <Thead>
          <Tr>
            <Th
              className="th-check"
              screenReaderText={texts.t('chooseAll')}
              select={{
                isSelected: everything,
                onSelect: (_, on) => onSelect(on ? new Set(rows.map(({ uid }) => uid)) : new Set()),
              }}
            />
            {columns.map((column, index) => (
              <Th
                key={column.id}
                className={column.wide ? 'th-wide' : undefined}
                style={{ width: `${(100 * (column.share ?? 1)) / shares}%` }}
                sort={{
                  columnIndex: index,
                  sortBy: { index: orderedIndex, direction: order.down ? 'desc' : 'asc' },
                  onSort: (_, __, direction) => props.onOrder({ column: column.id, down: direction === 'desc' }),
                }}
              >
                {typeof column.title === 'string' ? texts.t(column.title) : column.title.text}
              </Th>
            ))}
            <Th className="th-actions" screenReaderText={texts.t('actions')} />
          </Tr>
        </Thead>
        <Tbody>
          {before > 0 && <Spacer height={before} span={columns.length + 2} />}
          {rows.slice(first, end).map(({ uid, object, key }, index) => (
            <Tr key={uid || key} isRowSelected={selected.has(uid)} aria-rowindex={first + index + 2}>
              <Td
                className="th-check"
                select={{
                  rowIndex: first + index,
                  isSelected: selected.has(uid),
                  onSelect: (_, on) => toggle(uid, on),
                  props: { 'aria-label': texts.t('choose', { name: key }) },
                }}
              />
              {columns.map((column) => (
                <Td key={column.id} className={column.wide ? 'th-wide' : undefined}>
                  <Cell column={column} object={object} tools={tools} />
                </Td>
              ))}
              <Td className="th-actions" isActionCell>
                {props.actionsOf(object)}
              </Td>
            </Tr>
          ))}
          {after > 0 && <Spacer height={after} span={columns.length + 2} />}
        </Tbody>
      </Table>
      {rows.length === 0 && <p className="th-none">{texts.t('nothingFound')}</p>}
    </div>
  )
}

/** What a column shows of an object; its whole text shows on hovering, since a long one is cut. */
function Cell({ column, object, tools }: { column: Column; object: KubeObject; tools: Tools }) {
  if (column.cell) return <div className="th-cell">{column.cell(object, tools)}</div>
  const value = column.value(object, tools)
  const text = value === undefined || value === '' ? '—' : String(value)
  return (
    <div className="th-cell" title={text}>
      {text}
    </div>
  )
}

/** The room of rows that are not drawn. */
function Spacer({ height, span }: { height: number; span: number }) {
  return (
    <tr aria-hidden="true" className="th-spacer">
      <td colSpan={span} style={{ height }} />
    </tr>
  )
}

/** How far a frame is scrolled and how high it is. */
function useScroll() {
  const frame = useRef<HTMLDivElement>(null)
  const [sizes, setSizes] = useState({ top: 0, height: 800 })
  useLayoutEffect(() => {
    const element = frame.current
    if (!element) return
    let pending = 0
    const measure = () => {
      pending = 0
      // Steps of a few rows: within them nothing else comes into sight.
      const top = Math.floor(element.scrollTop / (rowHeight * 4)) * rowHeight * 4
      const height = element.clientHeight
      setSizes((known) => (known.top === top && known.height === height ? known : { top, height }))
    }
    const later = () => {
      pending ||= requestAnimationFrame(measure)
    }
    measure()
    element.addEventListener('scroll', later, { passive: true })
    const resized = new ResizeObserver(later)
    resized.observe(element)
    return () => {
      cancelAnimationFrame(pending)
      element.removeEventListener('scroll', later)
      resized.disconnect()
    }
  }, [])
  return [frame, sizes] as const
}

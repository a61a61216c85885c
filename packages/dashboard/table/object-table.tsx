import { memo, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import { Table, Tbody, Th, Thead, Tr } from '@patternfly/react-table'
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
  const uids = useMemo(() => rows.flatMap(({ uid, heading }) => (heading ? [] : [uid])), [rows])
  const everything = uids.length > 0 && uids.every((uid) => selected.has(uid))
  const latest = useRef(selected)
  useEffect(() => {
    latest.current = selected
  }, [selected])
  const toggle = useCallback(
    (uid: string, on: boolean) => {
      const next = new Set(latest.current)
      if (on) next.add(uid)
      else next.delete(uid)
      onSelect(next)
    },
    [onSelect],
  )
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
                onSelect: (_, on) => onSelect(new Set(on ? uids : [])),
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
          {rows
            .slice(first, end)
            .map((row, index) =>
              row.heading ? (
                <GroupRow key={row.key} heading={row.heading} index={first + index} span={columns.length + 2} />
              ) : (
                <TableRow
                  key={row.uid || row.key}
                  row={row}
                  index={first + index}
                  isSelected={selected.has(row.uid)}
                  columns={columns}
                  tools={tools}
                  chooseLabel={texts.t('choose', { name: row.key })}
                  onToggle={toggle}
                  actionsOf={props.actionsOf}
                />
              ),
            )}
          {after > 0 && <Spacer height={after} span={columns.length + 2} />}
        </Tbody>
      </Table>
      {rows.length === 0 && <p className="th-none">{texts.t('nothingFound')}</p>}
    </div>
  )
}

/** One object's row. Drawn anew only when the object, or what its columns are made with, is another: scrolling draws new rows alone. */
const TableRow = memo(function TableRow(props: {
  row: Row
  index: number
  isSelected: boolean
  columns: Column[]
  tools: Tools
  chooseLabel: string
  onToggle: (uid: string, on: boolean) => void
  actionsOf: (object: KubeObject) => ReactNode
}) {
  const { row, index, isSelected, columns, tools, chooseLabel, onToggle, actionsOf } = props
  const { uid, object } = row
  return (
    <tr className={isSelected ? 'pf-v6-c-table__tr th-selected' : 'pf-v6-c-table__tr'} aria-rowindex={index + 2}>
      <td className="pf-v6-c-table__td th-check">
        <input
          type="checkbox"
          className="pf-v6-c-check__input"
          checked={isSelected}
          aria-label={chooseLabel}
          onChange={({ target }) => onToggle(uid, target.checked)}
        />
      </td>
      {columns.map((column) => (
        <td key={column.id} className={column.wide ? 'pf-v6-c-table__td th-wide' : 'pf-v6-c-table__td'}>
          <Cell column={column} object={object} tools={tools} />
        </td>
      ))}
      <td className="pf-v6-c-table__td th-actions">{actionsOf(object)}</td>
    </tr>
  )
})

/** The name of a group of rows, and how many they are. */
function GroupRow({ heading, index, span }: { heading: { name: string; count: number }; index: number; span: number }) {
  const texts = useTexts()
  return (
    <tr className="pf-v6-c-table__tr th-group" aria-rowindex={index + 2}>
      <th className="pf-v6-c-table__td" colSpan={span} scope="colgroup">
        {heading.name} <small>{texts.number(heading.count)}</small>
      </th>
    </tr>
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

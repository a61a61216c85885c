import { useCallback, useMemo, useState } from 'react'
import { Button, PageSection, SearchInput, Title, Toolbar, ToolbarContent, ToolbarItem } from '@patternfly/react-core'
import type { KubeObject } from '@thresher/api/meta'
import { keyOf } from '@thresher/client/paths'
import { useNamespace } from '../app/namespace.tsx'
import { go, hrefOf, setQuery, type Route } from '../app/route.ts'
import { useList, useRights } from '../live/connection.ts'
import { ObjectTable } from '../table/object-table.tsx'
import { formatOrder, groupRows, keepSelected, parseOrder, searchRows, sortRows, type Row } from '../table/rows.ts'
import { ViewMenu } from '../table/view-menu.tsx'
import { hiddenColumns } from '../table/views.ts'
import { useTexts } from '../text/text.ts'
import { ActionMenu, RowActions, useActions } from './actions.tsx'
import { nameColumns } from './columns.tsx'
import { ListState } from './list-state.tsx'
import type { Column, Page } from './page.ts'
import { useTools } from './tools.ts'

const nothing: ReadonlySet<string> = new Set()

/** All objects of a kind, searched, sorted, chosen and acted upon. Search and order stand in the address. */
export function ListPage(props: { page: Page; title: string; base: readonly string[]; route: Route }) {
  const texts = useTexts()
  const rights = useRights()
  const { page, title, base, route } = props
  const namespace = useNamespace()
  const scoped = page.kind.namespaced && namespace ? namespace : undefined
  const snapshot = useList<KubeObject>(page.kind, { namespace: scoped })
  const tools = useTools(page.related, scoped)
  const [chosen, setChosen] = useState(nothing)
  const grouped = !scoped && page.kind.namespaced && route.query.get('group') === 'namespace'
  const columns = useMemo(() => nameColumns(page, base, !scoped && !grouped), [page, base, scoped, grouped])
  const hidden = route.query.get('hide')
  const seen = useMemo(() => {
    const left = hiddenColumns(new URLSearchParams({ hide: hidden ?? '' }))
    return columns.filter(({ id }) => id === 'name' || !left.has(id))
  }, [columns, hidden])
  const search = route.query.get('q') ?? ''
  const order = parseOrder(route.query.get('sort') ?? page.order ?? null, 'name')
  const all = route.query.get('all') === 'true'

  const rows = useMemo(
    () => snapshot.objects.filter((object) => all || !page.hidden?.(object)).map(rowOf),
    [snapshot.objects, page, all],
  )
  const shown = useMemo(() => {
    const column = columns.find(({ id }) => id === order.column) ?? columns[0]
    const found = searchRows(rows, search, (row) => textOf(row, columns, tools))
    return sortRows(found, (row) => column?.value(row.object, tools), order.down)
  }, [rows, search, columns, tools, order.column, order.down])
  const listed = useMemo(() => (grouped ? groupRows(shown) : shown), [grouped, shown])
  const selected = useMemo(() => keepSelected(chosen, new Set(shown.map(({ uid }) => uid))), [chosen, shown])
  const actions = useActions(page)
  const actionsOf = useCallback((object: KubeObject) => <RowActions object={object} actions={actions} />, [actions])
  const picked = shown.filter(({ uid }) => selected.has(uid)).map(({ object }) => object)
  const mayCreate = ('draft' in page || 'create' in page) && rights.may('create', page.kind)
  const create = () => go(hrefOf([...base, '+']))
  const isEmpty = snapshot.synced && rows.length === 0
  const count = texts.t('countOf', { shown: shown.length, count: rows.length })
  return (
    <>
      <PageSection className="th-head">
        <div className="th-head-line">
          <Title headingLevel="h1">{title}</Title>
          {mayCreate && !isEmpty && (
            <Button onClick={create} data-shortcut="create">
              {texts.t('create')}
            </Button>
          )}
        </div>
        {!isEmpty && <p className="th-head-help">{texts.t(page.help)}</p>}
      </PageSection>
      <PageSection isFilled className="th-list">
        {isEmpty || snapshot.error !== undefined || !snapshot.synced ? (
          <ListState page={page} snapshot={snapshot} onCreate={mayCreate ? create : undefined} />
        ) : (
          <>
            <Toolbar className="th-toolbar" inset={{ default: 'insetNone' }}>
              <ToolbarContent>
                <ToolbarItem className="th-search">
                  <SearchInput
                    value={search}
                    placeholder={texts.t('searchIn', { title })}
                    aria-label={texts.t('searchIn', { title })}
                    onChange={(_, value) => setQuery(route, { q: value })}
                    onClear={() => setQuery(route, { q: undefined })}
                  />
                </ToolbarItem>
                <ToolbarItem>
                  <ViewMenu
                    id={base.join('.')}
                    route={route}
                    columns={columns}
                    mayGroup={!scoped && page.kind.namespaced}
                  />
                </ToolbarItem>
                <ToolbarItem>
                  <ActionMenu objects={picked} actions={actions} label={texts.t('chosen', { count: picked.length })} />
                </ToolbarItem>
                <ToolbarItem align={{ default: 'alignEnd' }}>
                  <span className="th-count" aria-live="polite">
                    {count}
                  </span>
                </ToolbarItem>
              </ToolbarContent>
            </Toolbar>
            <ObjectTable
              title={title}
              rows={listed}
              columns={seen}
              tools={tools}
              order={order}
              onOrder={(next) => setQuery(route, { sort: formatOrder(next) })}
              selected={selected}
              onSelect={setChosen}
              actionsOf={actionsOf}
            />
          </>
        )}
      </PageSection>
    </>
  )
}

/** Each object's row, so that an object that is the same is drawn by the same. */
const rowsOf = new WeakMap<KubeObject, Row>()

function rowOf(object: KubeObject): Row {
  const known = rowsOf.get(object)
  if (known) return known
  const row = { key: keyOf(object), uid: object.metadata.uid ?? '', object }
  rowsOf.set(object, row)
  return row
}

/** What a search looks in, kept with each object: an object that has changed is another one. */
const searched = new WeakMap<KubeObject, { tools: unknown; text: string }>()

function textOf({ object, key }: Row, columns: Column[], tools: ReturnType<typeof useTools>): string {
  const known = searched.get(object)
  if (known?.tools === tools) return known.text
  const values = columns.map((column) => column.value(object, tools) ?? '')
  const labels = Object.entries(object.metadata.labels ?? {}).map(([name, value]) => `${name}=${value}`)
  const text = [key, ...values, ...labels].join(' ').toLowerCase()
  searched.set(object, { tools, text })
  return text
}

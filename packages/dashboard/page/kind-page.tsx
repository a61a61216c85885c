import { lazy, Suspense, useEffect, useState } from 'react'
import { EmptyState, EmptyStateBody } from '@patternfly/react-core'
import { Loading } from '../app/loading.tsx'
import type { Route } from '../app/route.ts'
import { useConnection } from '../live/connection.ts'
import type { PageEntry } from '../pages/pages.ts'
import { useTexts } from '../text/text.ts'
import { ListPage } from './list-page.tsx'
import type { Page } from './page.ts'

const DetailPage = lazy(() => import('./detail-page.tsx').then((module) => ({ default: module.DetailPage })))
const CreatePage = lazy(() => import('./create-page.tsx').then((module) => ({ default: module.CreatePage })))

/** A kind that has no page of its own, by what its address says. */
export interface CustomKind {
  group: string
  plural: string
}

/** The pages of one kind: its list, one of its objects, or the form for a new one. */
export function KindPage(props: {
  base: readonly string[]
  parts: readonly string[]
  route: Route
  entry?: PageEntry
  custom?: CustomKind
}) {
  const texts = useTexts()
  const { base, parts, route, entry, custom } = props
  const page = usePage(entry, custom)
  if (page === undefined) return <Loading />
  if (page === null)
    return (
      <EmptyState titleText={texts.t('noSuchKind')} headingLevel="h1">
        <EmptyStateBody>{texts.t('noSuchPageHelp')}</EmptyStateBody>
      </EmptyState>
    )
  const title = entry ? texts.t(entry.title) : page.kind.kind
  if (parts.length === 0) return <ListPage page={page} title={title} base={base} route={route} />
  if (parts[0] === '+')
    return (
      <Suspense fallback={<Loading />}>
        {page.create ? page.create() : <CreatePage page={page} title={title} base={base} route={route} />}
      </Suspense>
    )
  const [namespace, name] = page.kind.namespaced ? parts : [undefined, parts[0]]
  return (
    <DetailPage
      key={parts.join('/')}
      page={page}
      title={title}
      base={base}
      route={route}
      name={name ?? ''}
      namespace={namespace}
    />
  )
}

/** The page of an address, fetched when it is first needed. Null when there is no such kind. */
function usePage(entry: PageEntry | undefined, custom: CustomKind | undefined): Page | null | undefined {
  const { transport } = useConnection()
  const [page, setPage] = useState<Page | null>()
  const group = custom?.group
  const plural = custom?.plural
  useEffect(() => {
    let current = true
    const load = entry
      ? entry.load()
      : import('./any-kind.ts').then((module) => module.pageOfKind(transport, group ?? '', plural ?? ''))
    load.then(
      (loaded) => current && setPage(loaded),
      () => current && setPage(null),
    )
    return () => {
      current = false
    }
  }, [entry, group, plural, transport])
  return page
}

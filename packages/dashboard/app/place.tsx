import { lazy } from 'react'
import { EmptyState, EmptyStateBody } from '@patternfly/react-core'
import { pages } from '../pages/pages.ts'
import { useTexts } from '../text/text.ts'
import { Overview } from '../overview/overview.tsx'
import type { Route } from './route.ts'

const KindPage = lazy(() => import('../page/kind-page.tsx').then((module) => ({ default: module.KindPage })))
const Kinds = lazy(() => import('../pages/kinds.tsx').then((module) => ({ default: module.Kinds })))

/** What stands at an address. */
export function Place({ route }: { route: Route }) {
  const texts = useTexts()
  const [first, ...rest] = route.parts
  if (first === undefined) return <Overview />
  if (first === 'kinds') return <Kinds />
  if (first === 'kind') {
    const [group = '', plural = '', ...parts] = rest
    return (
      <KindPage
        key={`${group}/${plural}`}
        base={['kind', group, plural]}
        parts={parts}
        route={route}
        custom={{ group: group === 'core' ? '' : group, plural }}
      />
    )
  }
  const entry = pages.find(({ path }) => path === first)
  if (entry) return <KindPage key={first} base={[first]} parts={rest} route={route} entry={entry} />
  return (
    <EmptyState titleText={texts.t('noSuchPage')} headingLevel="h1">
      <EmptyStateBody>{texts.t('noSuchPageHelp')}</EmptyStateBody>
    </EmptyState>
  )
}

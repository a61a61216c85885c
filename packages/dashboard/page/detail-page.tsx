import { lazy, Suspense, useState, type ReactNode } from 'react'
import {
  Alert,
  Breadcrumb,
  BreadcrumbItem,
  Card,
  CardBody,
  CardTitle,
  DescriptionList,
  DescriptionListDescription,
  DescriptionListGroup,
  DescriptionListTerm,
  EmptyState,
  EmptyStateBody,
  Label,
  LabelGroup,
  PageSection,
  Tab,
  Tabs,
  TabTitleText,
  Title,
} from '@patternfly/react-core'
import type { KubeObject } from '@thresher/api/meta'
import { failureOf } from '../app/failure.ts'
import { hrefOf, setQuery, type Route } from '../app/route.ts'
import { Loading } from '../app/loading.tsx'
import { useObject } from '../live/connection.ts'
import { useTexts } from '../text/text.ts'
import { ActionMenu, useActions } from './actions.tsx'
import { age } from './columns.tsx'
import { Conditions } from './conditions.tsx'
import type { Column, Page, Tools } from './page.ts'
import { useTools } from './tools.ts'

const ObjectEvents = lazy(() => import('./object-events.tsx').then((module) => ({ default: module.ObjectEvents })))
const EditYaml = lazy(() => import('../yaml/edit-yaml.tsx').then((module) => ({ default: module.EditYaml })))
const EditForm = lazy(() => import('./edit-form.tsx').then((module) => ({ default: module.EditForm })))

/** One object: its facts, what has happened to it, its YAML, and what its page has beyond that. */
export function DetailPage(props: {
  page: Page
  title: string
  base: readonly string[]
  route: Route
  name: string
  namespace?: string
}) {
  const texts = useTexts()
  const { page, title, base, route, name, namespace } = props
  const { object: current, synced, error } = useObject<KubeObject>(page.kind, name, namespace)
  // What is deleted under an open form stays as it was last, so that nothing typed is lost.
  const [last, setLast] = useState<KubeObject>()
  if (current && current !== last) setLast(current)
  const object = current ?? last
  const isGone = synced && !current
  const tools = useTools(page.related, namespace)
  const actions = useActions(page)
  if (!object && error !== undefined && !synced)
    return <Gone title={failureOf(error, texts).title} base={base} list={title} />
  if (!object && !synced) return <Loading />
  if (!object) return <Gone title={texts.t('objectGone', { name })} base={base} list={title} />
  const own = page.tabs ?? []
  const tab = route.query.get('tab') ?? 'overview'
  const shownName = page.label?.(object) ?? name
  const pane = (id: string, label: string, content: () => ReactNode) => (
    <Tab eventKey={id} key={id} title={<TabTitleText>{label}</TabTitleText>} aria-label={label}>
      {tab === id && (
        <div className="th-tab">
          <Suspense fallback={<Loading />}>{content()}</Suspense>
        </div>
      )}
    </Tab>
  )
  const panes = [
    pane('overview', texts.t('overview'), () => <Facts page={page} object={object} tools={tools} />),
    ...own.map(({ id, title: key, render }) => pane(id, texts.t(key), () => render(object))),
    ...(page.fields ? [pane('edit', texts.t('edit'), () => <EditForm page={page} object={object} />)] : []),
    pane('events', texts.t('events'), () => <ObjectEvents object={object} />),
    pane('yaml', 'YAML', () => <EditYaml kind={page.kind} object={object} />),
  ]
  return (
    <>
      <PageSection className="th-head">
        <Breadcrumb>
          <BreadcrumbItem to={hrefOf(base)}>{title}</BreadcrumbItem>
          <BreadcrumbItem isActive>{shownName}</BreadcrumbItem>
        </Breadcrumb>
        <div className="th-head-line">
          <Title headingLevel="h1" className="th-name">
            {shownName}
          </Title>
          {!isGone && (
            <span className="th-buttons">
              {page.buttons?.(object)}
              <ActionMenu objects={[object]} actions={actions} label={texts.t('actions')} />
            </span>
          )}
        </div>
        {object.metadata.deletionTimestamp && <p className="th-head-help">{texts.t('beingDeleted')}</p>}
        {isGone ? (
          <Alert isInline variant="warning" title={texts.t('objectDeleted', { name: shownName })}>
            {texts.t('objectDeletedHelp')} <a href={hrefOf(base)}>{title}</a>
          </Alert>
        ) : (
          page.summary?.(object)
        )}
      </PageSection>
      <PageSection isFilled className="th-detail">
        <Tabs
          activeKey={tab}
          onSelect={(_, key) => setQuery(route, { tab: key === 'overview' ? undefined : String(key) })}
          aria-label={shownName}
        >
          {panes}
        </Tabs>
      </PageSection>
    </>
  )
}

function Gone({ title, base, list }: { title: string; base: readonly string[]; list: string }) {
  return (
    <EmptyState titleText={title} headingLevel="h1">
      <EmptyStateBody>
        <a href={hrefOf(base)}>{list}</a>
      </EmptyStateBody>
    </EmptyState>
  )
}

function Facts({ page, object, tools }: { page: Page; object: KubeObject; tools: Tools }) {
  const { texts } = tools
  const { metadata } = object
  return (
    <div className="th-facts">
      <Card>
        <CardTitle component="h2">{texts.t('details')}</CardTitle>
        <CardBody>
          <DescriptionList isHorizontal isCompact>
            {metadata.namespace && <Fact label={texts.t('namespace')}>{metadata.namespace}</Fact>}
            {[...page.columns, ...(page.aged === false ? [] : [age])].map((column) => (
              <Fact
                key={column.id}
                label={typeof column.title === 'string' ? texts.t(column.title) : column.title.text}
              >
                {shown(column, object, tools)}
              </Fact>
            ))}
            <Fact label={texts.t('labels')}>
              <Pairs pairs={metadata.labels} />
            </Fact>
          </DescriptionList>
        </CardBody>
      </Card>
      <Conditions object={object} />
    </div>
  )
}

function shown(column: Column, object: KubeObject, tools: Tools): ReactNode {
  if (column.cell) return column.cell(object, tools)
  const value = column.value(object, tools)
  return value === undefined || value === '' ? '—' : value
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <DescriptionListGroup>
      <DescriptionListTerm>{label}</DescriptionListTerm>
      <DescriptionListDescription>{children}</DescriptionListDescription>
    </DescriptionListGroup>
  )
}

function Pairs({ pairs = {} }: { pairs?: Record<string, string> }) {
  const entries = Object.entries(pairs)
  if (entries.length === 0) return '—'
  return (
    <LabelGroup numLabels={8}>
      {entries.map(([name, value]) => (
        <Label key={name} variant="outline" isCompact>
          {value ? `${name}=${value}` : name}
        </Label>
      ))}
    </LabelGroup>
  )
}

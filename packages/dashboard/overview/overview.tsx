import { lazy, Suspense } from 'react'
import {
  Button,
  Card,
  CardBody,
  CardTitle,
  EmptyState,
  EmptyStateActions,
  EmptyStateBody,
  EmptyStateFooter,
  PageSection,
  Title,
} from '@patternfly/react-core'
import { Event } from '@thresher/api/core/event'
import { Node } from '@thresher/api/core/node'
import { Pod } from '@thresher/api/core/pod'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { usageGroup } from '@thresher/api/metrics/usage'
import { useNamespace } from '../app/namespace.tsx'
import { Loading } from '../app/loading.tsx'
import { go, hrefOf } from '../app/route.ts'
import { useList, useRights } from '../live/connection.ts'
import { StateLabel } from '../page/columns.tsx'
import { lastSeen } from '../page/event-time.ts'
import { hostState } from '../pages/host-state.ts'
import { useTexts } from '../text/text.ts'
import { attentionOf } from './attention.ts'
import { loadOf, roomFor, roleNames, sumOf } from './capacity.ts'
import { LoadBars } from './load-bars.tsx'

const ClusterUsage = lazy(() => import('../hosts/usage.tsx').then((file) => ({ default: file.ClusterUsage })))
const clusterHistory = { group: usageGroup, plural: 'clusterhistory' }

/** The cluster in one glance: how full it is, how its hosts are, what needs attention, what has happened. */
export function Overview() {
  const texts = useTexts()
  const rights = useRights()
  const namespace = useNamespace()
  const scope = namespace ? { namespace } : {}
  const mayNodes = rights.may('list', Node)
  const nodes = useList<Node>(mayNodes ? Node : undefined)
  const pods = useList<Pod>(rights.may('list', Pod) ? Pod : undefined, mayNodes ? {} : scope)
  const machines = useList<VirtualMachine>(rights.may('list', VirtualMachine) ? VirtualMachine : undefined, scope)
  const images = useList<VirtualMachineImage>(
    rights.may('list', VirtualMachineImage) ? VirtualMachineImage : undefined,
    scope,
  )
  const events = useList<Event>(rights.may('list', Event) ? Event : undefined, scope)
  const loads = nodes.objects.map((node) => ({ node, load: loadOf(node, pods.objects) }))
  const running = machines.objects.filter(({ status }) => status?.printableStatus === 'Running').length
  const attention = attentionOf({ nodes: nodes.objects, machines: machines.objects, images: images.objects })
  return (
    <>
      <PageSection className="th-head">
        <div className="th-head-line">
          <Title headingLevel="h1">{texts.t('overview')}</Title>
          {rights.may('create', VirtualMachine) && (
            <Button onClick={() => go(hrefOf(['machines', '+']))}>{texts.t('createMachine')}</Button>
          )}
        </div>
      </PageSection>
      <PageSection isFilled className="th-overview">
        <div className="th-figures">
          <Figure
            label={texts.t('machines')}
            href={hrefOf(['machines'])}
            value={machines.synced ? texts.number(machines.objects.length) : '…'}
            note={texts.t('runningOf', { count: running })}
          />
          <Figure
            label={texts.t('images')}
            href={hrefOf(['images'])}
            value={images.synced ? texts.number(images.objects.length) : '…'}
            note={texts.t('readyOf', { count: images.objects.filter(({ status }) => status?.progress === 100).length })}
          />
          {mayNodes && (
            <Figure
              label={texts.t('hosts')}
              href={hrefOf(['hosts'])}
              value={nodes.synced ? texts.number(nodes.objects.length) : '…'}
              note={texts.t('readyOf', {
                count: nodes.objects.filter((node) => hostState(node).state === 'Ready').length,
              })}
            />
          )}
        </div>
        <div className="th-columns">
          <div className="th-column">
            {mayNodes && nodes.synced && (
              <Card>
                <CardTitle component="h2">{texts.t('capacity')}</CardTitle>
                <CardBody>
                  <p className="th-room">{texts.t('roomFor', { count: roomFor(loads.map(({ load }) => load)) })}</p>
                  <div className="th-bars">
                    <LoadBars load={sumOf(loads.map(({ load }) => load))} />
                  </div>
                </CardBody>
              </Card>
            )}
            {mayNodes && nodes.objects.length > 0 && (
              <Card>
                <CardTitle component="h2">{texts.t('hosts')}</CardTitle>
                <CardBody className="th-tiles">
                  {loads.map(({ node, load }) => (
                    <a key={node.metadata.uid} className="th-tile" href={hrefOf(['hosts', node.metadata.name])}>
                      <span className="th-tile-head">
                        <strong>{node.metadata.name}</strong>
                        <StateLabel {...hostState(node)} texts={texts} />
                      </span>
                      <span className="th-tile-note">
                        {[roleNames(node), texts.t('runsHere', { count: load.pods })].filter(Boolean).join(' · ')}
                      </span>
                      <span className="th-bars">
                        <LoadBars load={load} />
                      </span>
                    </a>
                  ))}
                </CardBody>
              </Card>
            )}
          </div>
          <div className="th-column">
            <Card>
              <CardTitle component="h2">{texts.t('attention')}</CardTitle>
              <CardBody>
                {attention.length === 0 ? (
                  <p className="th-calm">{texts.t('nothingWrong')}</p>
                ) : (
                  <ul className="th-attention">
                    {attention.slice(0, 8).map(({ href, name, state, message }) => (
                      <li key={href}>
                        <a href={href}>{name}</a> <StateLabel state={state} tone="warning" texts={texts} />
                        {message && <p>{message}</p>}
                      </li>
                    ))}
                  </ul>
                )}
              </CardBody>
            </Card>
            <Card className="th-recent">
              <CardTitle component="h2">{texts.t('recent')}</CardTitle>
              <CardBody>
                <Recent events={events.objects} />
              </CardBody>
            </Card>
          </div>
        </div>
        {mayNodes && nodes.objects.length > 0 && rights.may('list', clusterHistory) && (
          <section className="th-overview-usage">
            <Title headingLevel="h2" size="lg">
              {texts.t('usage')}
            </Title>
            <Suspense fallback={<Loading />}>
              <ClusterUsage nodes={nodes.objects} />
            </Suspense>
          </section>
        )}
        {machines.synced &&
          machines.objects.length === 0 &&
          images.synced &&
          images.objects.length === 0 &&
          rights.may('create', VirtualMachineImage) && (
            <EmptyState titleText={texts.t('welcome')} headingLevel="h2" variant="sm">
              <EmptyStateBody>{texts.t('welcomeHelp')}</EmptyStateBody>
              <EmptyStateFooter>
                <EmptyStateActions>
                  <Button variant="secondary" onClick={() => go(hrefOf(['images', '+']))}>
                    {texts.t('importImage')}
                  </Button>
                </EmptyStateActions>
              </EmptyStateFooter>
            </EmptyState>
          )}
      </PageSection>
    </>
  )
}

function Figure({ label, href, value, note }: { label: string; href: string; value: string; note: string }) {
  return (
    <a className="th-figure" href={href}>
      <span className="th-figure-label">{label}</span>
      <span className="th-figure-value">{value}</span>
      <span className="th-figure-note">{note}</span>
    </a>
  )
}

function Recent({ events }: { events: readonly Event[] }) {
  const texts = useTexts()
  const latest = events.toSorted((a, b) => lastSeen(b) - lastSeen(a)).slice(0, 8)
  if (latest.length === 0) return <p className="th-calm">{texts.t('noEvents')}</p>
  return (
    <ol className="th-events">
      {latest.map((event) => (
        <li key={event.metadata.uid} className={event.type === 'Warning' ? 'th-event-warning' : undefined}>
          <time title={texts.date(new Date(lastSeen(event)).toISOString())}>
            {texts.ago(new Date(lastSeen(event)).toISOString())}
          </time>
          <span>
            <strong>{event.involvedObject.name}</strong> {event.message}
          </span>
        </li>
      ))}
    </ol>
  )
}

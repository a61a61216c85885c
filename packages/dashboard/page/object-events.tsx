import { EmptyState, EmptyStateBody } from '@patternfly/react-core'
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table'
import { Event } from '@thresher/api/core/event'
import type { KubeObject } from '@thresher/api/meta'
import { useList } from '../live/connection.ts'
import { lastSeen } from './event-time.ts'
import { useTexts } from '../text/text.ts'

/** What has happened to an object, the latest first. */
export function ObjectEvents({ object }: { object: KubeObject }) {
  const texts = useTexts()
  const { name = '', namespace } = object.metadata
  const { objects } = useList<Event>(Event, {
    namespace: namespace ?? 'default',
    fieldSelector: `involvedObject.name=${name}`,
  })
  const events = objects.toSorted((a, b) => lastSeen(b) - lastSeen(a))
  if (events.length === 0)
    return (
      <EmptyState titleText={texts.t('noEvents')} headingLevel="h2" variant="sm">
        <EmptyStateBody>{texts.t('noEventsHelp')}</EmptyStateBody>
      </EmptyState>
    )
  return <EventTable events={events} />
}

/** Events as a table. */
export function EventTable({ events }: { events: Event[] }) {
  const texts = useTexts()
  return (
    <Table variant="compact" aria-label={texts.t('events')} gridBreakPoint="">
      <Thead>
        <Tr>
          <Th width={15}>{texts.t('lastSeen')}</Th>
          <Th width={20}>{texts.t('reason')}</Th>
          <Th>{texts.t('message')}</Th>
        </Tr>
      </Thead>
      <Tbody>
        {events.map((event) => (
          <Tr key={event.metadata.uid}>
            <Td>
              <time title={texts.date(event.lastTimestamp)}>{texts.ago(new Date(lastSeen(event)).toISOString())}</time>
            </Td>
            <Td className={event.type === 'Warning' ? 'th-warning' : undefined}>
              {event.reason}
              {(event.count ?? 1) > 1 ? ` ×${event.count}` : ''}
            </Td>
            <Td>{event.message}</Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  )
}

import { Event } from '@thresher/api/core/event'
import { StateLabel, textColumn } from '../page/columns.tsx'
import { lastSeen } from '../page/event-time.ts'
import { definePage } from '../page/page.ts'

export const events = definePage<Event>({
  kind: Event,
  help: 'eventsHelp',
  command: 'kubectl get events -A --watch',
  deletable: false,
  order: 'seen',
  aged: false,
  label: ({ involvedObject }) => `${involvedObject.kind ?? ''} ${involvedObject.name ?? ''}`,
  columns: [
    {
      id: 'type',
      title: 'type',
      share: 1.1,
      value: ({ type }) => type,
      cell: ({ type = 'Normal' }, { texts }) => (
        <StateLabel state={type} tone={type === 'Warning' ? 'warning' : 'off'} texts={texts} />
      ),
    },
    textColumn('reason', 'reason', ({ reason, count = 1 }) => (count > 1 ? `${reason} ×${count}` : reason), false, 1.6),
    textColumn('message', 'message', ({ message }) => message, false, 4),
    {
      id: 'seen',
      share: 1.1,
      title: 'lastSeen',
      value: (event) => -lastSeen(event),
      cell: (event, { texts }) => {
        const time = new Date(lastSeen(event)).toISOString()
        return <time title={texts.date(time)}>{texts.ago(time)}</time>
      },
    },
  ],
})

import { Event } from '@thresher/api/core/event'
import { Client } from '@thresher/client/client'
import { EventRecorder } from '@thresher/client/events'
import { MemoryTransport } from '@thresher/client/testing'
import { expect, it } from 'vitest'
import { NetworkReport } from './network-report.ts'

it('what befell the network is an event on the node, and on the machine whose card it was; what lasts keeps the node from being ready', async () => {
  const client = new Client(new MemoryTransport())
  const events = new EventRecorder(client, 'test')
  let changes = 0
  const report = new NetworkReport({
    log: () => {},
    events,
    node: () => ({ metadata: { name: 'n1', uid: 'n' } }),
    run: (uid) => (uid === 'u1' ? { namespace: 'shop', name: 'web' } : undefined),
    onChange: () => changes++,
  })
  const rules = { part: 'rules', name: 't', message: 'the table t is gone' }
  const card = { part: 'ports', name: 'tap1', vmi: 'u1', message: 'the tap tap1 is gone' }
  report.take({ mended: [rules], left: [] })
  expect([changes, report.faults]).toEqual([0, []])
  report.take({ mended: [], left: [rules, card] })
  report.take({ mended: [], left: [rules, card] })
  expect([changes, report.faults]).toEqual([1, ['the table t is gone']])
  report.take({ mended: [], left: [] })
  expect([changes, report.faults]).toEqual([2, []])
  await events.flushed()
  const { items } = await client.resource(Event).list({})
  const said = items.map(({ involvedObject, reason, message }) =>
    [involvedObject.kind, involvedObject.name, reason, message].join(' '),
  )
  expect(said.toSorted()).toEqual([
    'Node n1 NetworkBroken The table t is gone.',
    'Node n1 NetworkRestored The table t is gone; it was put back.',
    'VirtualMachineInstance web NetworkCardLost The tap tap1 is gone; restart the virtual machine to connect it again.',
  ])
})

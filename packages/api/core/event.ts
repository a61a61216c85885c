import { Type } from '../type.ts'
import { wide } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { int32, microTime, optional, text, time } from '../schema.ts'
import { ObjectReference } from './references.ts'

/** Something that happened to an object, kept for a while. */
export const Event = defineKind({
  group: '',
  version: 'v1',
  kind: 'Event',
  description: 'Something that happened to an object, kept for a while.',
  plural: 'events',
  shortNames: ['ev'],
  namespaced: true,
  fields: {
    involvedObject: ObjectReference,
    reason: Type.Optional(text),
    message: Type.Optional(text),
    source: Type.Optional(optional({ component: text, host: text })),
    firstTimestamp: Type.Optional(time),
    lastTimestamp: Type.Optional(time),
    count: Type.Optional(int32),
    type: Type.Optional(text),
    eventTime: Type.Optional(microTime),
    series: Type.Optional(optional({ count: int32, lastObservedTime: microTime })),
    action: Type.Optional(text),
    related: Type.Optional(ObjectReference),
    reportingComponent: Type.Optional(text),
    reportingInstance: Type.Optional(text),
  },
  columns: [
    {
      name: 'Last Seen',
      type: 'date',
      path: (event) =>
        event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp,
    },
    { name: 'Type', path: '.type' },
    { name: 'Reason', path: '.reason' },
    {
      name: 'Object',
      path: (event) => `${(event.involvedObject.kind ?? '').toLowerCase()}/${event.involvedObject.name ?? ''}`,
    },
    wide('Subobject', '.involvedObject.fieldPath'),
    {
      name: 'Source',
      priority: 1,
      path: (event) =>
        [event.source?.component ?? event.reportingComponent, event.source?.host].filter(Boolean).join(', '),
    },
    { name: 'Message', path: (event) => event.message?.trim() },
    {
      name: 'First Seen',
      type: 'date',
      priority: 1,
      path: (event) => event.firstTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp,
    },
    { name: 'Count', type: 'integer', priority: 1, path: (event) => event.series?.count ?? event.count ?? 1 },
    wide('Name', '.metadata.name'),
  ],
  selectableFields: [
    '.involvedObject.kind',
    '.involvedObject.namespace',
    '.involvedObject.name',
    '.involvedObject.uid',
    '.involvedObject.apiVersion',
    '.involvedObject.resourceVersion',
    '.involvedObject.fieldPath',
    '.reason',
    '.reportingComponent',
    '.source',
    '.type',
  ],
  check(event) {
    const { namespace } = event.involvedObject
    const here = event.metadata.namespace
    if (here === undefined || here === (namespace || 'default')) return []
    return [
      {
        field: 'involvedObject.namespace',
        message: `must be ${JSON.stringify(here)}, the namespace of the event (objects without a namespace: default)`,
      },
    ]
  },
})
export type Event = ObjectOf<typeof Event>

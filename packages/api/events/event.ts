import { Type } from '../type.ts'
import { ObjectReference } from '../core/references.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { int32, microTime, object, optional, text, time } from '../schema.ts'

/** Something that happened to an object, in the newer of the two shapes. */
export const Event = defineKind({
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  description: 'Something that happened to an object, in the newer of the two shapes.',
  plural: 'events',
  shortNames: ['ev'],
  namespaced: true,
  fields: {
    eventTime: Type.Optional(microTime),
    series: Type.Optional(object({ count: int32, lastObservedTime: microTime })),
    reportingController: Type.Optional(text),
    reportingInstance: Type.Optional(text),
    action: Type.Optional(text),
    reason: Type.Optional(text),
    regarding: Type.Optional(ObjectReference),
    related: Type.Optional(ObjectReference),
    note: Type.Optional(text),
    type: Type.Optional(text),
    deprecatedSource: Type.Optional(optional({ component: text, host: text })),
    deprecatedFirstTimestamp: Type.Optional(time),
    deprecatedLastTimestamp: Type.Optional(time),
    deprecatedCount: Type.Optional(int32),
  },
  columns: [
    {
      name: 'Last Seen',
      type: 'date',
      path: (event) =>
        event.series?.lastObservedTime ??
        event.deprecatedLastTimestamp ??
        event.eventTime ??
        event.metadata.creationTimestamp,
    },
    { name: 'Type', path: '.type' },
    { name: 'Reason', path: '.reason' },
    {
      name: 'Object',
      path: ({ regarding }) => `${(regarding?.kind ?? '').toLowerCase()}/${regarding?.name ?? ''}`,
    },
    { name: 'Message', path: (event) => event.note?.trim() },
  ],
  selectableFields: [
    '.regarding.kind',
    '.regarding.namespace',
    '.regarding.name',
    '.regarding.uid',
    '.reason',
    '.reportingController',
    '.type',
  ],
})
export type Event = ObjectOf<typeof Event>

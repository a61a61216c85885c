import type { Static, TSchema } from 'typebox'
import { Type } from '@thresher/api/type'

/** What a QMP command takes and gives. */
export interface CommandShape {
  args: TSchema
  reply: TSchema
}

const none = Type.Object({})
const nothing = Type.Object({})
const DeviceId = Type.Object({ id: Type.String() })

/** A file, and what it stands on: another of this form. */
export const BlockImage = Type.Object({
  /** A path, or a description of the whole chain as `json:{…}`. */
  filename: Type.String(),
  'backing-image': Type.Optional(Type.Unknown()),
})

/** The arguments of `blockdev-add` and `device_add` depend on the driver they name. */
const Driver = Type.Object({ driver: Type.String() }, { additionalProperties: true })

/**
 * The QMP commands in use. A field that QEMU renames fails here, by name.
 *
 * @see https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html
 */
export const commands = {
  qmp_capabilities: { args: none, reply: nothing },
  'query-status': { args: none, reply: Type.Object({ running: Type.Boolean(), status: Type.String() }) },
  'query-chardev': {
    args: none,
    reply: Type.Array(Type.Object({ label: Type.String(), 'frontend-open': Type.Boolean() })),
  },
  'query-balloon': { args: none, reply: Type.Object({ actual: Type.Integer() }) },
  'query-blockstats': {
    args: none,
    reply: Type.Array(
      Type.Object({
        qdev: Type.Optional(Type.String()),
        'node-name': Type.Optional(Type.String()),
        stats: Type.Object({
          rd_bytes: Type.Integer(),
          wr_bytes: Type.Integer(),
          rd_operations: Type.Integer(),
          wr_operations: Type.Integer(),
        }),
      }),
    ),
  },
  'query-block': {
    args: none,
    reply: Type.Array(
      Type.Object({
        device: Type.Optional(Type.String()),
        qdev: Type.Optional(Type.String()),
        'io-status': Type.Optional(Type.String()),
        removable: Type.Boolean(),
        /** The medium, where there is one. */
        inserted: Type.Optional(Type.Object({ 'node-name': Type.Optional(Type.String()), image: BlockImage })),
      }),
    ),
  },
  'query-named-block-nodes': {
    args: Type.Object({ flat: Type.Boolean() }),
    reply: Type.Array(
      Type.Object({ 'node-name': Type.Optional(Type.String()), drv: Type.String(), file: Type.String() }),
    ),
  },
  transaction: {
    args: Type.Object({
      actions: Type.Array(
        Type.Object({
          type: Type.Literal('blockdev-snapshot'),
          data: Type.Object({ node: Type.String(), overlay: Type.String() }),
        }),
      ),
    }),
    reply: nothing,
  },
  'block-commit': {
    args: Type.Object({
      'job-id': Type.String(),
      device: Type.String(),
      'top-node': Type.String(),
      'base-node': Type.String(),
      'backing-file': Type.String(),
      'auto-dismiss': Type.Boolean(),
    }),
    reply: nothing,
  },
  'query-jobs': {
    args: none,
    reply: Type.Array(Type.Object({ id: Type.String(), status: Type.String(), error: Type.Optional(Type.String()) })),
  },
  'job-cancel': { args: DeviceId, reply: nothing },
  'job-dismiss': { args: DeviceId, reply: nothing },
  'chardev-change': { args: Type.Object({ id: Type.String(), backend: Type.Unknown() }), reply: nothing },
  cont: { args: none, reply: nothing },
  stop: { args: none, reply: nothing },
  quit: { args: none, reply: nothing },
  system_powerdown: { args: none, reply: nothing },
  system_reset: { args: none, reply: nothing },
  balloon: { args: Type.Object({ value: Type.Integer() }), reply: nothing },
  'qom-list': {
    args: Type.Object({ path: Type.String() }),
    reply: Type.Array(Type.Object({ name: Type.String() })),
  },
  netdev_add: {
    args: Type.Object({ type: Type.String(), id: Type.String() }, { additionalProperties: true }),
    reply: nothing,
  },
  netdev_del: { args: DeviceId, reply: nothing },
  'qom-get': { args: Type.Object({ path: Type.String(), property: Type.String() }), reply: Type.Unknown() },
  'qom-set': {
    args: Type.Object({ path: Type.String(), property: Type.String(), value: Type.Unknown() }),
    reply: nothing,
  },
  screendump: {
    args: Type.Object({ filename: Type.String(), format: Type.Optional(Type.Enum(['png', 'ppm'])) }),
    reply: nothing,
  },
  'send-key': {
    args: Type.Object({
      keys: Type.Array(Type.Object({ type: Type.Literal('qcode'), data: Type.String() })),
      'hold-time': Type.Integer(),
    }),
    reply: nothing,
  },
  set_link: { args: Type.Object({ name: Type.String(), up: Type.Boolean() }), reply: nothing },
  block_resize: { args: Type.Object({ 'node-name': Type.String(), size: Type.Integer() }), reply: nothing },
  'blockdev-add': { args: Driver, reply: nothing },
  'blockdev-del': { args: Type.Object({ 'node-name': Type.String() }), reply: nothing },
  device_add: { args: Driver, reply: nothing },
  device_del: { args: DeviceId, reply: nothing },
  'blockdev-open-tray': { args: Type.Object({ id: Type.String(), force: Type.Boolean() }), reply: nothing },
  'blockdev-close-tray': { args: DeviceId, reply: nothing },
  'blockdev-remove-medium': { args: DeviceId, reply: nothing },
  'blockdev-insert-medium': { args: Type.Object({ id: Type.String(), 'node-name': Type.String() }), reply: nothing },
  'object-add': { args: Type.Object({ 'qom-type': Type.String() }, { additionalProperties: true }), reply: nothing },
  'object-del': { args: DeviceId, reply: nothing },
} satisfies Record<string, CommandShape>

export type Command = keyof typeof commands
export type Args<C extends Command> = Static<(typeof commands)[C]['args']>
export type Reply<C extends Command> = Static<(typeof commands)[C]['reply']>

/** What every event carries; `data` depends on the event. */
export const QmpEvent = Type.Object({
  event: Type.String(),
  data: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  timestamp: Type.Object({ seconds: Type.Integer(), microseconds: Type.Integer() }),
})
export type QmpEvent = Static<typeof QmpEvent>

import type { Static } from 'typebox'
import { Type } from '../type.ts'

/** Where usage over time is served. */
export const usageGroup = 'metrics.thresher.io'
export const usageVersion = 'v1'

/** Seconds between two samples. Every host samples at multiples of it, so that samples of several hosts can be added. */
export const sampleSeconds = 30

/** The resolutions that are kept: an hour in steps of 30 seconds, a day in steps of 5 minutes. */
export const resolutions = [
  { stepSeconds: sampleSeconds, slots: 120 },
  { stepSeconds: 300, slots: 288 },
] as const

/** The longest time back, in minutes. */
export const longestMinutes = 24 * 60

const amount = Type.Number({ minimum: 0 })

/** What is measured: CPU in cores, memory in bytes, the others in bytes a second. */
export const UsageValues = Type.Object({
  cpu: amount,
  memory: amount,
  diskRead: amount,
  diskWrite: amount,
  networkReceive: amount,
  networkTransmit: amount,
})
export type UsageValues = Static<typeof UsageValues>
export type Measure = keyof UsageValues

/** Every measure, in the order in which it is stored. */
export const measures = ['cpu', 'memory', 'diskRead', 'diskWrite', 'networkReceive', 'networkTransmit'] as const

const points = Type.Array(Type.Unsafe<number | null>({ type: 'number', nullable: true }))

/**
 * Usage over time: for each measure as many values as steps, the first for the step that begins at `startSeconds`. Null where nothing
 * was measured.
 */
export const UsageHistory = Type.Object({
  /** Seconds since 1970, a multiple of the step. */
  startSeconds: Type.Integer({ minimum: 0 }),
  stepSeconds: Type.Integer({ minimum: 1 }),
  series: Type.Object({
    cpu: points,
    memory: points,
    diskRead: points,
    diskWrite: points,
    networkReceive: points,
    networkTransmit: points,
  }),
})
export type UsageHistory = Static<typeof UsageHistory>

/** What something has used since it began, and the memory it has now: seconds of CPU, else bytes. */
export const UsageCounters = UsageValues
export type UsageCounters = UsageValues

/** What something uses now. */
export const CurrentUsage = Type.Object({
  /** Milliseconds since 1970. */
  atMs: amount,
  /** Over the last step; missing until two samples have been taken. */
  rates: Type.Optional(UsageValues),
  counters: UsageCounters,
})
export type CurrentUsage = Static<typeof CurrentUsage>

/** What a machine that runs uses now. */
export const MachineUsage = Type.Object({
  namespace: Type.String(),
  name: Type.String(),
  pod: Type.String(),
  /** What the guest has: processors and bytes of memory. */
  cpus: amount,
  guestBytes: amount,
  usage: CurrentUsage,
})
export type MachineUsage = Static<typeof MachineUsage>

/** What a host and its machines use now, as its agent reports it. */
export const HostUsage = Type.Object({ host: Type.Optional(CurrentUsage), machines: Type.Array(MachineUsage) })
export type HostUsage = Static<typeof HostUsage>

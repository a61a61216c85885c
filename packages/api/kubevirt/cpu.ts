import { type Static } from 'typebox'
import { Empty, flag, int64, list, object, optional, text } from '../schema.ts'

/** The processor that a guest sees: sockets × cores × threads virtual CPUs. */
export const CPU = optional({
  sockets: int64,
  cores: int64,
  threads: int64,
  maxSockets: int64,
  model: text,
  features: list(object({ name: text }, { policy: text })),
  dedicatedCpuPlacement: flag,
  isolateEmulatorThread: flag,
  numa: optional({ guestMappingPassthrough: Empty }),
  realtime: optional({ mask: text }),
})
export type CPU = Static<typeof CPU>

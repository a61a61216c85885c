import type { Static } from 'typebox'
import { about, Empty, flag, int64, list, object, optional, text } from '../schema.ts'

/** The processor that a guest sees: sockets × cores × threads virtual CPUs. */
export const CPU = optional({
  sockets: about(int64, 'Sockets × cores × threads is the number of virtual CPUs.'),
  cores: about(int64, 'Cores of each socket.'),
  threads: about(int64, 'Threads of each core.'),
  maxSockets: int64,
  model: about(text, 'What the guest sees: a model such as Skylake-Server, host-model or host-passthrough.'),
  features: list(object({ name: text }, { policy: text })),
  dedicatedCpuPlacement: about(flag, 'Give each virtual CPU a CPU of the host to itself.'),
  isolateEmulatorThread: flag,
  numa: optional({ guestMappingPassthrough: Empty }),
  realtime: optional({ mask: text }),
})
export type CPU = Static<typeof CPU>

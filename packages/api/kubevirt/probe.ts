import type { Static } from 'typebox'
import { ExecAction, HTTPGetAction, TCPSocketAction } from '../core/handler.ts'
import { Empty, int32, optional } from '../schema.ts'

/** A repeated test of the guest. Times in seconds. */
export const Probe = optional({
  guestAgentPing: Empty,
  exec: ExecAction,
  httpGet: HTTPGetAction,
  tcpSocket: TCPSocketAction,
  initialDelaySeconds: int32,
  timeoutSeconds: int32,
  periodSeconds: int32,
  successThreshold: int32,
  failureThreshold: int32,
})
export type Probe = Static<typeof Probe>

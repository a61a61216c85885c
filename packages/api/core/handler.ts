import type { Static } from 'typebox'
import { having, int32, int64, IntOrString, list, object, optional, text, texts } from '../schema.ts'

/** A command run in the container; success is exit code 0. */
export const ExecAction = optional({ command: texts })

/** An HTTP request; success is a code from 200 to 399. */
export const HTTPGetAction = object(
  { port: IntOrString },
  {
    host: text,
    path: having(text, { default: '/' }),
    scheme: having(text, { default: 'HTTP' }),
    httpHeaders: list(object({ name: text, value: text })),
  },
)

/** A TCP connection; success is that it opens. */
export const TCPSocketAction = object({ port: IntOrString }, { host: text })

const grpc = object({ port: int32 }, { service: having(text, { default: '' }) })

/** A repeated test of a container. Times in seconds. */
export const Probe = optional({
  exec: ExecAction,
  httpGet: HTTPGetAction,
  tcpSocket: TCPSocketAction,
  grpc,
  initialDelaySeconds: int32,
  timeoutSeconds: having(int32, { default: 1 }),
  periodSeconds: having(int32, { default: 10 }),
  successThreshold: having(int32, { default: 1 }),
  failureThreshold: having(int32, { default: 3 }),
  terminationGracePeriodSeconds: int64,
})
export type Probe = Static<typeof Probe>

const lifecycleHandler = optional({
  exec: ExecAction,
  httpGet: HTTPGetAction,
  tcpSocket: TCPSocketAction,
  sleep: object({ seconds: int64 }),
})

/** What is done after a container's start and before its stop. */
export const Lifecycle = optional({ postStart: lifecycleHandler, preStop: lifecycleHandler, stopSignal: text })

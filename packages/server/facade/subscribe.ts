import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import type { FacadeCall } from './context.ts'
import { countSubscription } from './subscribe-counts.ts'
import { watchSubscription } from './subscribe-watch.ts'
import { about, type Send, type SubscribeRequest } from './subscription.ts'

const pingMs = 30_000
const maxSubscriptions = 500
const maxBufferedBytes = 64 * 1024 * 1024
const sockets = () => new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 })

/** Take over a WebSocket and tell its client of changes until it goes. */
export function subscribe(call: FacadeCall, raw: IncomingMessage, socket: Duplex, head: Buffer): void {
  sockets().handleUpgrade(raw, socket, head, (client) => serve(call, client))
}

function serve(call: FacadeCall, client: WebSocket): void {
  const running = new Map<string, AbortController>()
  const send: Send = (message) => {
    if (client.readyState !== client.OPEN) return
    if (client.bufferedAmount > maxBufferedBytes) return client.terminate()
    client.send(JSON.stringify(message))
  }
  const ping = setInterval(() => send({ name: 'ping' }), pingMs)
  send({ name: 'ping' })
  client.on('message', (data: Buffer) => {
    const request = parseRequest(data)
    if (!request) return send({ name: 'resource.error', data: { error: 'send a JSON object with resourceType' } })
    const key = [request.resourceType, request.namespace, request.id, request.selector, request.mode].join('|')
    running.get(key)?.abort()
    running.delete(key)
    if (request.stop) return send({ ...about(request), name: 'resource.stop' })
    if (running.size >= maxSubscriptions)
      return send({
        ...about(request),
        name: 'resource.error',
        data: { error: 'too many subscriptions on one connection' },
      })
    const stop = new AbortController()
    running.set(key, stop)
    const run = request.resourceType === 'count' ? countSubscription : watchSubscription
    void run(call, request, send, stop.signal).finally(() => {
      if (running.get(key) === stop) running.delete(key)
    })
  })
  client.on('error', () => client.terminate())
  client.on('close', () => {
    clearInterval(ping)
    for (const stop of running.values()) stop.abort()
  })
}

function parseRequest(data: Buffer): SubscribeRequest | undefined {
  try {
    const parsed: unknown = JSON.parse(data.toString('utf8'))
    if (typeof parsed !== 'object' || parsed === null) return undefined
    const { resourceType } = parsed as SubscribeRequest
    return typeof resourceType === 'string' && resourceType !== '' ? (parsed as SubscribeRequest) : undefined
  } catch {
    return undefined
  }
}

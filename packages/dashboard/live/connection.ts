import { createContext, useContext, useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import { ApiError } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import { Client } from '@thresher/client/client'
import { fetchTransport } from '@thresher/client/fetch-transport'
import type { KindAddress } from '@thresher/client/paths'
import type { Transport } from '@thresher/client/transport'
import { WatchSocket } from '@thresher/client/watch-socket'
import { Uploads } from '../images/uploads.ts'
import { LiveLists, type Scope, type Snapshot } from './live-list.ts'
import { Reachability, type Reach } from './reach.ts'
import { Rights } from './rights.ts'

/** All that pages reach the server by. */
export interface Connection {
  transport: Transport
  client: Client
  lists: LiveLists
  reachability: Reachability
  uploads: Uploads
  /** What stands before every path: empty, or the prefix under which a proxy shows us. */
  base: string
  /** The address of a WebSocket at a path of the API. */
  socketUrl: (path: string) => string
}

/** Connect to the server that this page came from. */
export function connect(page: URL): Connection {
  const base = page.pathname.replace(/\/[^/]*$/, '')
  const socketUrl = (path: string) => `${page.protocol === 'http:' ? 'ws' : 'wss'}://${page.host}${base}${path}`
  const reachability = new Reachability()
  const transport = fetchTransport({
    base,
    sockets: new WatchSocket(() => new WebSocket(socketUrl('/watches'))),
    onFailure: (error) => reachability.failed(error),
    onAnswer: () => reachability.answered(),
  })
  const client = new Client(transport)
  return {
    transport,
    client,
    lists: new LiveLists(client),
    uploads: new Uploads(transport, base),
    reachability,
    base,
    socketUrl,
  }
}

export const ConnectionContext = createContext<Connection | undefined>(undefined)

export function useConnection(): Connection {
  const connection = useContext(ConnectionContext)
  if (!connection) throw new Error('there is no connection around this part of the page')
  return connection
}

export function useReach(): Reach {
  const { reachability } = useConnection()
  return useSyncExternalStore(reachability.subscribe, reachability.snapshot)
}

const never = () => () => {}
const empty: Snapshot<never> = { objects: [], synced: false }

/** The objects of a kind as they are now. Nothing is asked while `kind` is undefined. */
export function useList<O extends KubeObject>(kind: KindAddress | undefined, scope: Scope = {}): Snapshot<O> {
  const { lists } = useConnection()
  const { namespace, fieldSelector, labelSelector } = scope
  const list = useMemo(
    () => (kind ? lists.of<O>(kind, { namespace, fieldSelector, labelSelector }) : undefined),
    [lists, kind, namespace, fieldSelector, labelSelector],
  )
  return useSyncExternalStore(list?.subscribe ?? never, list?.snapshot ?? (() => empty))
}

/** One object as it is now; undefined while it is not there. */
export function useObject<O extends KubeObject>(
  kind: KindAddress | undefined,
  name: string,
  namespace?: string,
): Snapshot<O> & { object: O | undefined } {
  const snapshot = useList<O>(kind, { namespace, fieldSelector: `metadata.name=${name}` })
  return { ...snapshot, object: snapshot.objects[0] }
}

export const RightsContext = createContext(new Rights([]))

export function useRights(): Rights {
  return useContext(RightsContext)
}

/** What the user may do in a namespace; undefined until that is known. Asked again every few minutes. */
export function useRightsIn(namespace: string, user: string | undefined): Rights | undefined {
  const { transport } = useConnection()
  const [rights, setRights] = useState<Rights>()
  useEffect(() => {
    if (!user) return
    const stop = new AbortController()
    const ask = () =>
      readRights(transport, namespace, stop.signal).then(setRights, (error: unknown) => {
        if (!stop.signal.aborted && !(error instanceof ApiError)) throw error
      })
    void ask()
    const timer = setInterval(() => void ask(), 120_000)
    return () => {
      stop.abort()
      clearInterval(timer)
    }
  }, [transport, namespace, user])
  return rights
}

async function readRights(transport: Transport, namespace: string, signal: AbortSignal): Promise<Rights> {
  const review = await transport.request<{ status?: { resourceRules?: ConstructorParameters<typeof Rights>[0] } }>({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
    body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace } },
    signal,
  })
  return new Rights(review.status?.resourceRules ?? [])
}

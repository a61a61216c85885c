import { ApiError } from '@thresher/api/error'
import type { Kind } from '@thresher/api/kind'
import type { KubeObject, WatchEvent } from '@thresher/api/meta'
import { Access } from './access.ts'
import type { FacadeCall } from './context.ts'
import { findKind, kubernetesPath, schemaId } from './schema-names.ts'
import { toSteve } from './steve-object.ts'
import { about, type Send, type SubscribeRequest } from './subscription.ts'

const defaultDebounceMs = 5000
const names = { ADDED: 'resource.create', MODIFIED: 'resource.change', DELETED: 'resource.remove' } as const

/** Tell of every change of a kind's objects, or with `resource.changes` now and then that there were some. */
export async function watchSubscription(
  call: FacadeCall,
  request: SubscribeRequest,
  send: Send,
  signal: AbortSignal,
): Promise<void> {
  const subject = about(request)
  send({ ...subject, name: 'resource.start' })
  const changes = request.mode === 'resource.changes' ? new Changes(request, send, subject) : undefined
  try {
    const kind = findKind(call.parts.server().registry, request.resourceType)
    if (!kind) throw new ApiError('NotFound', `there is no type ${JSON.stringify(request.resourceType)}`)
    const access = new Access(call)
    for await (const event of events(call, kind, request, signal)) {
      if (event.type === 'BOOKMARK' || event.type === 'ERROR') continue
      const revision = event.object.metadata.resourceVersion
      if (changes) changes.add(revision)
      else {
        const [data] = await toSteve(call, kind, [event.object], access)
        send({ ...subject, name: names[event.type], resourceType: schemaId(kind), revision, data })
      }
    }
  } catch (error) {
    if (!signal.aborted) send({ ...subject, name: 'resource.error', data: { error: wording(error) } })
  } finally {
    changes?.close()
    if (!signal.aborted) send({ ...subject, name: 'resource.stop' })
  }
}

function events(
  call: FacadeCall,
  kind: Kind,
  request: SubscribeRequest,
  signal: AbortSignal,
): AsyncIterable<WatchEvent<KubeObject>> {
  const [first = '', second] = (request.id ?? '').split('/')
  const namespace = request.namespace ?? (second === undefined ? '' : first)
  const name = second ?? first
  return call.api.watch<KubeObject>({
    method: 'GET',
    path: kubernetesPath(kind, namespace),
    query: {
      resourceVersion: request.resourceVersion,
      labelSelector: request.selector,
      fieldSelector: name ? `metadata.name=${name}` : undefined,
    },
    signal,
  })
}

/** Clients look for these two words to know that they must list anew. */
function wording(error: unknown): string {
  if (!(error instanceof ApiError)) return 'the watch has ended'
  return error.code === 410 ? `too old resource version: ${error.message}` : error.message
}

/** Gathers changes and tells of them at most once in a while. */
class Changes {
  readonly #waitMs: number
  readonly #tell: (revision: string | undefined) => void
  #timer: NodeJS.Timeout | undefined
  #revision: string | undefined

  constructor(request: SubscribeRequest, send: Send, subject: Record<string, unknown>) {
    this.#waitMs = Math.max(100, request.debounceMs ?? defaultDebounceMs)
    this.#tell = (revision) => send({ ...subject, name: 'resource.changes', revision })
  }

  add(revision: string | undefined): void {
    this.#revision = revision
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#tell(this.#revision)
    }, this.#waitMs)
  }

  close(): void {
    clearTimeout(this.#timer)
  }
}

import { Pod } from '@thresher/api/core/pod'
import { isReason } from '@thresher/api/error'
import type { Condition, KubeObject } from '@thresher/api/meta'
import type { Client } from '@thresher/client/client'
import { setCondition } from '@thresher/client/conditions'
import type { EventRecorder } from '@thresher/client/events'
import { Informer } from '@thresher/client/informer'
import { keyOf } from '@thresher/client/paths'
import { WorkQueue } from '@thresher/client/queue'
import { RefusedError } from '@thresher/client/refused-error'
import type { Log } from './compute/host.ts'
import type { PodAccess, Runtime } from './runtime.ts'
import { writeStatus } from './write-status.ts'

export interface PodsOptions {
  client: Client
  events: EventRecorder
  /** The name of this agent's Node. */
  node: string
  /** The first that matches a pod runs it. */
  runtimes: readonly Runtime[]
  signal: AbortSignal
  log: Log
  onWatchError: (kind: string, error: unknown) => void
}

/** The pods bound to this node, each handed to the runtime that runs its sort. One key at a time. */
export class Pods implements PodAccess {
  readonly #options: PodsOptions
  readonly #pods: Informer<Pod>
  readonly #queue: WorkQueue

  constructor(options: PodsOptions) {
    this.#options = options
    this.#pods = new Informer(options.client.resource<Pod>(Pod), {
      fieldSelector: `spec.nodeName=${options.node}`,
      onError: (error) => options.onWatchError('pods', error),
    })
    this.#queue = new WorkQueue({ workers: 16, work: (key) => this.#work(key) })
  }

  /** Follow the API until the signal aborts; resolves when all that runs is known. */
  async run(): Promise<void> {
    const { signal, runtimes } = this.#options
    this.#pods.onChange(({ object }) => this.#queue.add(keyOf(object)))
    void this.#pods.run(signal)
    signal.addEventListener('abort', () => this.#queue.stop(), { once: true })
    await Promise.all([this.#pods.synced, ...runtimes.map((runtime) => runtime.follow(this))])
    for (const runtime of runtimes) for (const key of runtime.keys()) this.#queue.add(key)
    this.#queue.start()
  }

  get(key: string): Pod | undefined {
    return this.#pods.get(key)
  }

  list(): Pod[] {
    return [...this.#pods.list()]
  }

  enqueue(key: string, afterMs = 0): void {
    if (afterMs > 0) this.#queue.addAfter(key, afterMs)
    else this.#queue.add(key)
  }

  async writeStatus(pod: Pod, next: (pod: Pod) => Pod['status'] | undefined): Promise<void> {
    const written = await writeStatus(this.#options.client.resource<Pod>(Pod), this.#pods.get(keyOf(pod)) ?? pod, next)
    if (written) this.#pods.observe(written)
  }

  async confirmEnd(pod: Pod): Promise<void> {
    const { name = '', namespace, uid, deletionTimestamp } = pod.metadata
    if (!deletionTimestamp) return
    try {
      await this.#options.client
        .resource<Pod>(Pod)
        .delete(name, namespace, { gracePeriodSeconds: 0, preconditions: { uid } })
    } catch (error) {
      // Of a pod that is gone already the server says that it is none of ours.
      if (!isReason(error, 'NotFound', 'Conflict', 'Forbidden')) throw error
    }
  }

  async #work(key: string): Promise<void> {
    try {
      await this.#reconcile(key)
      this.#queue.forget(key)
    } catch (error) {
      if (this.#options.signal.aborted) return
      const delayMs = this.#queue.retry(key)
      if (isReason(error, 'Conflict', 'AlreadyExists')) return
      if (error instanceof RefusedError && this.#queue.failures(key) === 1) this.#reportRefusal(key, error)
      this.#options.log('warn', `pod ${key}: ${(error as Error).message}; next try in ${Math.round(delayMs)} ms`)
    }
  }

  /** What the API refuses to have written of a pod is an event on the pod, and on the guest that it is for. */
  #reportRefusal(key: string, { refusal }: RefusedError): void {
    const pod = this.#pods.get(key)
    if (!pod) return
    const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller)
    const { namespace } = pod.metadata
    const objects: KubeObject[] = [pod]
    if (owner)
      objects.push({
        apiVersion: owner.apiVersion,
        kind: owner.kind,
        metadata: { name: owner.name, namespace, uid: owner.uid },
      })
    for (const object of objects) this.#options.events.record({ object, type: 'Warning', ...refusal })
  }

  async #reconcile(key: string): Promise<void> {
    const { runtimes } = this.#options
    const pod = this.#pods.get(key)
    const runtime = pod && runtimes.find((one) => one.matches(pod))
    // Something may run under the name of a pod that is gone, or that another pod has taken.
    for (const other of runtimes)
      if (other !== runtime && other.keys().includes(key)) await other.reconcile(key, undefined)
    if (!pod) return
    if (runtime) return runtime.reconcile(key, pod)
    if (pod.metadata.deletionTimestamp) return this.confirmEnd(pod)
    await this.writeStatus(pod, (current) => waitingStatus(current, new Date()))
  }
}

const noRuntime = {
  status: 'False',
  reason: 'NoRuntime',
  message: 'this node runs virtual machines only; containers cannot be run on it yet',
} as const

/** The status of a pod that nothing on this node can run: it waits. Pure. */
function waitingStatus(pod: Pod, now: Date): Pod['status'] {
  let conditions: Condition[] = (pod.status?.conditions ?? []) as Condition[]
  for (const type of ['ContainersReady', 'Ready']) conditions = setCondition(conditions, { type, ...noRuntime }, now)
  return { ...pod.status, phase: 'Pending', conditions: conditions as NonNullable<Pod['status']>['conditions'] }
}

import { ResourceQuota } from '@thresher/api/core/resource-quota'
import { isReason } from '@thresher/api/error'
import type { TypedKind } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import { same } from '@thresher/api/same'
import { ControllerClient, type Client } from './client.ts'
import { EventRecorder } from './events.ts'
import type { Change, Informer } from './informer.ts'
import { Informers } from './informers.ts'
import { Objects } from './objects.ts'
import { keyOf, type KindAddress } from './paths.ts'
import { WorkQueue } from './queue.ts'
import { Refusals } from './refusals.ts'
import { RefusedError } from './refused-error.ts'
import type { Subject } from './subject.ts'
import type { Transport } from './transport.ts'

/** What is wrong can only be mended by the object's author, so trying again is pointless until the object changes. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError'
}

/** Where log lines go. */
export type Log = (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void

/** What a reconciler works with. */
export interface Context {
  client: Client
  informers: Informers
  events: EventRecorder
  /** Aborts when the controllers stop. */
  signal: AbortSignal
  log: Log
  now: () => Date
  /** A kind's objects: read from the shared informer, written through. Only for kinds that some controller watches. */
  objects<O extends KubeObject>(kind: TypedKind<O>): Objects<O>
}

/** When to look again though nothing changed. */
export interface Result {
  afterMs?: number
}

/** A kind whose changes wake a controller, and for which of its keys. */
export interface Watch {
  kind: KindAddress
  keys: (change: Change<KubeObject>, context: Context) => Iterable<string>
  indexes: Record<string, (object: KubeObject) => readonly string[]>
}

/** What wakes a controller from outside the API. Called once; wakes it for keys until the context's signal aborts. */
export type Source = (wake: (key: string) => void, context: Context) => void

/**
 * A level-triggered controller: for each key it compares what is with what should be and takes the next step.
 *
 * `reconcile` may be called at any time, repeated, and stopped between any two lines.
 */
export interface Controller {
  name: string
  watches: Watch[]
  /** Keys worked on at once; 4 unless said. */
  workers?: number
  /** Keys to work on at the start, beside those of the objects that are there. */
  keys?: readonly string[]
  /** What wakes it beside changes in the API, such as another database. */
  sources?: readonly Source[]
  /** The objects that its keys are about: there it shows what the API refuses of its writes. */
  subject: Subject
  /** @param queue for a controller that finds further keys by itself */
  reconcile(key: string, context: Context, queue: Queue): Promise<Result | void>
}

/** A controller's own queue. */
export type Queue = Pick<WorkQueue, 'add' | 'addAfter'>

/** Check a controller's shape where it is written. */
export function defineController(controller: Controller): Controller {
  return controller
}

/**
 * Wake for changes of a kind. Without `keys` a change wakes the controller for the object itself.
 *
 * @param keys which of the controller's keys the change concerns
 */
export function watch<O extends KubeObject>(
  kind: TypedKind<O>,
  keys: (object: O, context: Context, change: Change<O>) => Iterable<string> = (object) => [keyOf(object)],
  indexes: Record<string, (object: O) => readonly string[]> = {},
): Watch {
  // An informer of this kind only ever gives its objects, so the narrower functions are safe.
  return {
    kind,
    keys: (change, context) => keys(change.object as O, context, change as Change<O>),
    indexes: indexes as Watch['indexes'],
  }
}

export interface RunOptions {
  transport: Transport
  signal: AbortSignal
  /** The name in events and as field manager. */
  component: string
  /** The host's name, as events carry it. */
  host?: string
  log?: Log
  now?: () => Date
  /** Informers to share with others in the process. */
  informers?: Informers
  /** Whether what a quota refuses is tried again when the quota changes; for those who may list quotas. */
  followQuotas?: boolean
}

/** A running set of controllers. */
export interface Running {
  context: Context
  /** Resolves when no controller has anything to do now. */
  idle: () => Promise<void>
}

/** Start controllers over one transport with shared informers; resolves when all have their first lists. Stop by the signal. */
export async function runControllers(controllers: readonly Controller[], options: RunOptions): Promise<Running> {
  const { transport, signal, component, log = () => {} } = options
  const client = new ControllerClient(transport)
  const informers =
    options.informers ??
    new Informers(client, signal, (kind, error) =>
      log('warn', `watching ${kind.plural}: ${messageOf(error)}`, { kind: kind.kind }),
    )
  const context: Context = {
    client,
    informers,
    events: new EventRecorder(client, component, options.host),
    signal,
    log,
    now: options.now ?? (() => new Date()),
    objects: <O extends KubeObject>(kind: TypedKind<O>) =>
      new Objects<O>(client.resource<O>(kind), informers.of<O>(kind)),
  }
  const queues = controllers.map((controller) => connect(controller, context, options.followQuotas ?? false))
  signal.addEventListener('abort', () => queues.forEach((queue) => queue.stop()), { once: true })
  await informers.start()
  for (const queue of queues) queue.start()
  return {
    context,
    idle: async () => {
      await Promise.all(queues.map((queue) => queue.idle()))
    },
  }
}

/** A failure that is tried again only after this long is told each time. */
const toldFromMs = 1000

/** What the API refused is tried again after at most this long: what refused it may have changed. */
const refusedRetryMs = 5000

/** Feed a controller's queue from its watches. */
function connect(controller: Controller, context: Context, followQuotas: boolean): WorkQueue {
  const refusals = new Refusals(controller.subject, context)
  const queue: WorkQueue = new WorkQueue({
    workers: controller.workers,
    work: (key) => work(controller, key, queue, context, refusals),
    onHog: ({ key, problem, amount }) =>
      context.log(
        'warn',
        problem === 'spins'
          ? `${controller.name} ${key}: looked at ${amount} times in a second without rest; it is held back`
          : `${controller.name} ${key}: held up everything else for ${amount} ms`,
      ),
  })
  for (const { kind, keys, indexes } of controller.watches) {
    const informer: Informer<KubeObject> = context.informers.of(kind)
    for (const [name, of] of Object.entries(indexes)) informer.addIndex(name, of)
    informer.onChange((change) => {
      for (const key of keys(change, context)) queue.add(key)
    })
    if (informer.hasSynced)
      for (const object of informer.list()) for (const key of keys({ type: 'added', object }, context)) queue.add(key)
  }
  if (followQuotas) wakeRefused(refusals, queue, context)
  for (const key of controller.keys ?? []) queue.add(key)
  for (const source of controller.sources ?? []) source((key) => queue.add(key), context)
  return queue
}

/** What a quota refused is tried again when someone changes the quota. Its count of what is used moves with each try, so it wakes nobody. */
function wakeRefused(refusals: Refusals, queue: WorkQueue, context: Context): void {
  context.informers.of<ResourceQuota>(ResourceQuota).onChange(({ type, object, previous }) => {
    if (type === 'updated' && same(object.spec, previous.spec)) return
    for (const key of refusals.keysIn(object.metadata.namespace)) queue.add(key)
  })
}

async function work(
  controller: Controller,
  key: string,
  queue: WorkQueue,
  context: Context,
  refusals: Refusals,
): Promise<void> {
  try {
    const result = await reconcile(controller, key, queue, context, refusals)
    queue.forget(key)
    if (result?.afterMs !== undefined) queue.addAfter(key, result.afterMs)
  } catch (error) {
    if (context.signal.aborted) return
    if (error instanceof TerminalError) {
      queue.forget(key)
      context.log('info', `${controller.name} ${key}: ${error.message}`)
      return
    }
    const delayMs = queue.retry(key, error instanceof RefusedError ? refusedRetryMs : undefined)
    // A lost race with another writer is part of the game; the next look decides anew.
    if (isReason(error, 'Conflict', 'AlreadyExists')) return
    // The first failure is told and those that last; not each of the quick tries between.
    if (queue.failures(key) > 1 && delayMs < toldFromMs) return
    context.log('warn', `${controller.name} ${key}: ${messageOf(error)}; next try in ${Math.round(delayMs)} ms`)
  }
}

/** One look at a key; what the API refused in it shows on the object before it counts as a failure. */
async function reconcile(
  controller: Controller,
  key: string,
  queue: WorkQueue,
  context: Context,
  refusals: Refusals,
): Promise<Result | void> {
  try {
    const result = await controller.reconcile(key, context, queue)
    await refusals.clear(key)
    return result
  } catch (error) {
    if (error instanceof RefusedError && !context.signal.aborted) await refusals.show(key, error)
    throw error
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

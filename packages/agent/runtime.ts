import type { Pod } from '@thresher/api/core/pod'

/** What a runtime may do with the pods of its node. */
export interface PodAccess {
  /** The pod of a key (`<namespace>/<name>`), when it is bound to this node. */
  get(key: string): Pod | undefined
  list(): Pod[]
  /** Have a pod reconciled, at once or later. */
  enqueue(key: string, afterMs?: number): void
  /** Write a pod's status; `next` is called again with a newer pod when somebody else wrote, and leaves it by `undefined`. */
  writeStatus(pod: Pod, next: (pod: Pod) => Pod['status'] | undefined): Promise<void>
  /** Let a pod go that is being deleted: nothing of it runs any more. Does nothing for others. */
  confirmEnd(pod: Pod): Promise<void>
}

/** Runs pods of one sort on this host: virtual machines, containers. Level-triggered; every call may be repeated. */
export interface Runtime<Running = unknown> {
  /** Whether this runtime is the one to run a pod. */
  matches(pod: Pod): boolean
  /** Take up what an earlier agent began. Called before anything else; takes seconds at most. */
  adopt(): Promise<void>
  /** Begin to follow the API; resolves when all is known that {@link reconcile} reads. */
  follow(pods: PodAccess): Promise<void>
  /** Keys of all pods of which something runs here, theirs or not any more. */
  keys(): string[]
  /** Take a step for a pod. @param pod undefined when it is gone: what still runs of it has no place here */
  reconcile(key: string, pod: Pod | undefined): Promise<void>
  /** What runs for the owner of that name. */
  find(namespace: string, name: string): Running | undefined
  /** Let go of all that runs, which runs on. */
  release(): void
}

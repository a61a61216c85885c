import { Pod } from '@thresher/api/core/pod'
import { isReason } from '@thresher/api/error'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { KubeObject } from '@thresher/api/meta'
import { appLabel, createdByLabel, launcherApp, machineNameLabel } from '@thresher/api/names'
import { readNics } from '@thresher/api/pod-network'
import { parseBytes } from '@thresher/api/quantity'
import { PersistentVolume } from '@thresher/api/core/persistent-volume'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import type { Client } from '@thresher/client/client'
import type { EventRecorder } from '@thresher/client/events'
import { Informer } from '@thresher/client/informer'
import type { Informers } from '@thresher/client/informers'
import { keyOf } from '@thresher/client/paths'
import { WorkQueue } from '@thresher/client/queue'
import { MissingSourceError } from './cloud-init.ts'
import type { ComputeHost } from './host.ts'
import { instanceStatus } from './instance-status.ts'
import { Machine } from './machine.ts'
import { endedPodStatus, runningPodStatus } from './pod-status.ts'
import { UnsupportedSpecError } from './qemu/draft.ts'
import { resolveRun } from './resolve.ts'
import { listRuns, type Outcome } from './run-state.ts'
import { readSeeds } from './seeds.ts'
import { writeStatus } from './write-status.ts'

/** A run that waits longer than this for something tells so in an event. */
const patienceMs = 5000
const defaultGraceSeconds = 30

export interface MachinesOptions {
  host: ComputeHost
  client: Client
  /** Shared with the storage's controllers. */
  informers: Informers
  events: EventRecorder
  /** The name of this agent's Node. */
  node: string
  /** Where other hosts reach this one. */
  hostIP: string
  signal: AbortSignal
  onWatchError: (kind: string, error: unknown) => void
}

/**
 * The machines of this host: a launcher pod bound to this node becomes a run, and how it fares is told in the statuses of the
 * pod and its VMI. Level-triggered, one key (a pod) at a time.
 */
export class Machines {
  readonly #options: MachinesOptions
  readonly #machines = new Map<string, Machine>()
  readonly #pods: Informer<Pod>
  readonly #instances: Informer<VirtualMachineInstance>
  readonly #claims: Informer<PersistentVolumeClaim>
  readonly #volumes: Informer<PersistentVolume>
  readonly #queue: WorkQueue
  /** Since when a pod's run waits, and for what. */
  readonly #waiting = new Map<string, { since: number; told?: string }>()

  constructor(options: MachinesOptions) {
    this.#options = options
    const { client, informers, node, onWatchError } = options
    this.#pods = new Informer(client.resource<Pod>(Pod), {
      fieldSelector: `spec.nodeName=${node}`,
      onError: (error) => onWatchError('pods', error),
    })
    this.#instances = new Informer(client.resource<VirtualMachineInstance>(VirtualMachineInstance), {
      fieldSelector: `status.nodeName=${node}`,
      onError: (error) => onWatchError('virtualmachineinstances', error),
    })
    this.#claims = informers.of<PersistentVolumeClaim>(PersistentVolumeClaim)
    this.#volumes = informers.of<PersistentVolume>(PersistentVolume)
    this.#pods.addIndex('instance', (pod) => instanceKeyOf(pod))
    this.#pods.addIndex('claim', claimKeysOf)
    this.#queue = new WorkQueue({ workers: 16, work: (key) => this.#work(key) })
  }

  /** Take up the runs that an earlier agent began. Call before {@link run}, so that none is started twice. */
  async adopt(): Promise<void> {
    const { host } = this.#options
    await Promise.all(
      listRuns(host.runRoot).map(async (uid) => {
        try {
          const machine = await Machine.adopt(host, uid, () => this.#changed(uid))
          if (machine) this.#machines.set(uid, machine)
        } catch (error) {
          host.log('error', `the run ${uid} could not be adopted: ${(error as Error).message}`)
        }
      }),
    )
  }

  /** Follow the API until the signal aborts; resolves when all that runs is known. */
  async run(): Promise<void> {
    const { signal } = this.#options
    this.#pods.onChange(({ object }) => this.#queue.add(keyOf(object)))
    this.#instances.onChange(({ object }) => this.#addPods('instance', keyOf(object)))
    this.#claims.onChange(({ object }) => this.#addPods('claim', keyOf(object)))
    this.#volumes.onChange(({ object }) => {
      const ref = object.spec.claimRef
      if (ref) this.#addPods('claim', `${ref.namespace}/${ref.name}`)
    })
    void this.#pods.run(signal)
    void this.#instances.run(signal)
    signal.addEventListener('abort', () => this.#queue.stop(), { once: true })
    await Promise.all([this.#pods.synced, this.#instances.synced, this.#claims.synced, this.#volumes.synced])
    for (const machine of this.#machines.values()) this.#queue.add(podKeyOf(machine))
    this.#queue.start()
  }

  /** The machine of a VMI, by name. */
  find(namespace: string, name: string): Machine | undefined {
    for (const machine of this.#machines.values())
      if (machine.namespace === namespace && machine.name === name && machine.view().life !== 'ended') return machine
    return undefined
  }

  list(): Machine[] {
    return [...this.#machines.values()]
  }

  /** The cards that running machines hold, so that the network knows which taps are still wanted. */
  nics(): { vmi: string; nic: string }[] {
    return this.list().flatMap((machine) => machine.nics.map((nic) => ({ vmi: machine.uid, nic })))
  }

  /** Tell the guest that has a volume open of its new size. @returns false when none here has it */
  async growVolume(volume: string, bytes: number): Promise<boolean> {
    for (const machine of this.list()) if (await machine.growVolume(volume, bytes)) return true
    return false
  }

  /** The address at which the host reaches a machine's guest. */
  addressOf(machine: Machine): string | undefined {
    const pod = this.#pods.get(podKeyOf(machine))
    return readNics(pod?.metadata.annotations)?.find(({ ip }) => ip)?.ip
  }

  /** Let go of all machines, which run on. */
  release(): void {
    for (const machine of this.#machines.values()) machine.release()
  }

  #addPods(index: string, value: string): void {
    for (const pod of this.#pods.byIndex(index, value)) this.#queue.add(keyOf(pod))
  }

  #changed(uid: string): void {
    const machine = this.#machines.get(uid)
    if (machine) this.#queue.add(podKeyOf(machine))
  }

  async #work(key: string): Promise<void> {
    try {
      await this.#reconcile(key)
      this.#queue.forget(key)
    } catch (error) {
      if (this.#options.signal.aborted) return
      const delayMs = this.#queue.retry(key)
      if (isReason(error, 'Conflict', 'AlreadyExists')) return
      this.#options.host.log('warn', `pod ${key}: ${(error as Error).message}; next try in ${Math.round(delayMs)} ms`)
    }
  }

  async #reconcile(key: string): Promise<void> {
    const pod = this.#pods.get(key)
    const machine = this.list().find((one) => podKeyOf(one) === key)
    if (!pod) return machine ? this.#withoutPod(machine) : this.#forgetWaiting(key)
    if (pod.metadata.labels?.[appLabel] !== launcherApp) return this.#container(pod)
    const vmi = await this.#instanceOf(pod)
    if (machine && machine.pod.uid === pod.metadata.uid) return this.#follow(pod, machine, vmi)
    if (machine) return machine.stop(0)
    if (isFinal(pod)) return this.#clear(pod)
    if (pod.status?.phase === 'Running')
      return this.#tellEnd(pod, vmi, failed('QemuGone', 'QEMU is gone; the host may have restarted'))
    if (isGoing(pod) || !vmi || isGoing(vmi) || isFinal(vmi))
      return this.#tellEnd(pod, vmi, failed('Stopped', 'the run was stopped before it began'))
    await this.#begin(key, pod, vmi)
  }

  /** Start the run when everything for it is there. */
  async #begin(key: string, pod: Pod, vmi: VirtualMachineInstance): Promise<void> {
    const { client, host } = this.#options
    const { namespace } = pod.metadata
    const resolution = resolveRun({
      vmi,
      pod,
      claim: (name) => this.#claims.get(`${namespace}/${name}`),
      volume: (name) => this.#volumes.get(name),
    })
    if (!resolution.ready) {
      if ('waitingFor' in resolution) return this.#wait(key, pod, vmi, `waits for ${resolution.waitingFor}`)
      const { message } = new UnsupportedSpecError(resolution.errors)
      return this.#tellEnd(pod, vmi, failed('UnsupportedSpec', message))
    }
    let seeds
    try {
      seeds = await readSeeds(client, vmi, resolution.seeds)
    } catch (error) {
      // No watch tells of a Secret that appears, so look again.
      if (!(error instanceof MissingSourceError)) throw error
      this.#queue.addAfter(key, 2000)
      return this.#wait(key, pod, vmi, `waits for ${error.message}`)
    }
    this.#forgetWaiting(key)
    const uid = vmi.metadata.uid ?? ''
    if (this.#machines.has(uid)) return
    const plan = { ...resolution, vmi, pod: { name: pod.metadata.name ?? '', uid: pod.metadata.uid ?? '' }, seeds }
    this.#machines.set(
      uid,
      Machine.start(host, plan, () => this.#changed(uid)),
    )
  }

  #wait(key: string, pod: Pod, vmi: VirtualMachineInstance, why: string): void {
    const waiting = this.#waiting.get(key) ?? { since: Date.now() }
    this.#waiting.set(key, waiting)
    const waitedMs = Date.now() - waiting.since
    if (waitedMs < patienceMs) return this.#queue.addAfter(key, patienceMs - waitedMs + 10)
    if (waiting.told === why) return
    waiting.told = why
    const message = `${vmi.metadata.name} ${why}`
    for (const object of [pod, vmi])
      this.#options.events.record({ object, type: 'Warning', reason: 'FailedMount', message })
  }

  #forgetWaiting(key: string): void {
    this.#waiting.delete(key)
  }

  /** A run that is under way or over: stop it when it is to stop, and tell how it fares. */
  async #follow(pod: Pod, machine: Machine, vmi: VirtualMachineInstance | undefined): Promise<void> {
    const view = machine.view()
    if (view.life === 'ended') {
      await this.#tellEnd(pod, vmi, view.outcome ?? failed('Unknown', 'it is not known how the run ended'), machine)
      this.#machines.delete(machine.uid)
      machine.forget()
      return
    }
    if (isGoing(pod) || isFinal(pod) || !vmi || isGoing(vmi) || isFinal(vmi)) machine.stop(graceOf(vmi))
    if (view.life === 'preparing' || view.life === 'starting' || isFinal(pod)) return
    const { node, hostIP, host } = this.#options
    const nics = readNics(pod.metadata.annotations) ?? []
    const now = new Date()
    await Promise.all([
      this.#writePod(pod, (current) =>
        current.status?.phase === 'Running' ? undefined : runningPodStatus(current, view, nics, hostIP, now),
      ),
      vmi &&
        this.#writeInstance(vmi, (current) =>
          isFinal(current)
            ? undefined
            : instanceStatus({
                vmi: current,
                view,
                node,
                podUid: pod.metadata.uid ?? '',
                nics,
                claims: this.#claimsOf(current),
                runtimeUser: host.user.uid,
                now,
              }),
        ),
    ])
  }

  /** The pod was taken away by force: the guest has no place here any more. */
  async #withoutPod(machine: Machine): Promise<void> {
    const view = machine.view()
    if (view.life !== 'ended') return machine.stop(0)
    const vmi = await this.#instance(machine.namespace, machine.name, machine.uid)
    const outcome = view.outcome ?? failed('Unknown', 'it is not known how the run ended')
    if (vmi) await this.#tellInstanceEnd(vmi, machine.pod.uid, outcome, machine)
    this.#machines.delete(machine.uid)
    machine.forget()
  }

  async #tellEnd(
    pod: Pod,
    vmi: VirtualMachineInstance | undefined,
    outcome: Outcome,
    machine?: Machine,
  ): Promise<void> {
    const now = new Date()
    this.#forgetWaiting(keyOf(pod))
    await Promise.all([
      this.#writePod(pod, (current) => (isFinal(current) ? undefined : endedPodStatus(current, outcome, now))),
      vmi && this.#tellInstanceEnd(vmi, pod.metadata.uid ?? '', outcome, machine),
    ])
    if (outcome.phase === 'Failed' && vmi)
      this.#options.events.record({ object: vmi, type: 'Warning', reason: outcome.reason, message: outcome.message })
    await this.#clear(pod)
  }

  async #tellInstanceEnd(
    vmi: VirtualMachineInstance,
    podUid: string,
    outcome: Outcome,
    machine?: Machine,
  ): Promise<void> {
    const view = { ...(machine?.view() ?? { guestAgent: false }), life: 'ended' as const, outcome }
    await this.#writeInstance(vmi, (current) =>
      isFinal(current)
        ? undefined
        : instanceStatus({
            vmi: current,
            view,
            node: this.#options.node,
            podUid,
            nics: [],
            claims: new Map(),
            runtimeUser: this.#options.host.user.uid,
            now: new Date(),
          }),
    )
  }

  /** Containers are not run yet; such a pod says so, and goes when it is deleted. */
  async #container(pod: Pod): Promise<void> {
    if (!isFinal(pod))
      await this.#writePod(pod, (current) =>
        isFinal(current)
          ? undefined
          : endedPodStatus(current, failed('NotSupported', 'containers cannot be run on this node yet'), new Date()),
      )
    await this.#clear(pod)
  }

  /** Confirm the end of a pod that is being deleted. */
  async #clear(pod: Pod): Promise<void> {
    if (!isGoing(pod)) return
    const { name = '', namespace, uid } = pod.metadata
    try {
      await this.#options.client
        .resource<Pod>(Pod)
        .delete(name, namespace, { gracePeriodSeconds: 0, preconditions: { uid } })
    } catch (error) {
      // Of a pod that is gone already the server says that it is none of ours.
      if (!isReason(error, 'NotFound', 'Conflict', 'Forbidden')) throw error
    }
  }

  #instanceOf(pod: Pod): Promise<VirtualMachineInstance | undefined> {
    const { namespace = '', labels } = pod.metadata
    return this.#instance(namespace, labels?.[machineNameLabel] ?? '', labels?.[createdByLabel] ?? '')
  }

  /** From the watch; just after the binding, before the watch knows that it is ours, from the server. */
  async #instance(namespace: string, name: string, uid: string): Promise<VirtualMachineInstance | undefined> {
    const known = this.#instances.get(`${namespace}/${name}`)
    if (known) return known.metadata.uid === uid ? known : undefined
    try {
      const found = await this.#options.client
        .resource<VirtualMachineInstance>(VirtualMachineInstance)
        .get(name, namespace)
      return found.metadata.uid === uid ? found : undefined
    } catch (error) {
      if (isReason(error, 'NotFound', 'Forbidden')) return undefined
      throw error
    }
  }

  #claimsOf(vmi: VirtualMachineInstance): Map<string, { name: string; bytes?: number }> {
    const found = new Map<string, { name: string; bytes?: number }>()
    for (const volume of vmi.spec.volumes ?? []) {
      const name = volume.persistentVolumeClaim?.claimName ?? volume.dataVolume?.name
      if (name === undefined) continue
      const claim = this.#claims.get(`${vmi.metadata.namespace}/${name}`)
      const size = claim?.status?.capacity?.['storage'] ?? claim?.spec.resources?.requests?.['storage']
      found.set(volume.name, { name, ...(size === undefined ? {} : { bytes: parseBytes(size) }) })
    }
    return found
  }

  async #writePod(pod: Pod, next: (pod: Pod) => Pod['status'] | undefined): Promise<void> {
    const written = await writeStatus(this.#options.client.resource<Pod>(Pod), this.#pods.get(keyOf(pod)) ?? pod, next)
    if (written) this.#pods.observe(written)
  }

  async #writeInstance(
    vmi: VirtualMachineInstance,
    next: (vmi: VirtualMachineInstance) => VirtualMachineInstance['status'] | undefined,
  ): Promise<void> {
    const resource = this.#options.client.resource<VirtualMachineInstance>(VirtualMachineInstance)
    const written = await writeStatus(resource, this.#instances.get(keyOf(vmi)) ?? vmi, next)
    if (written) this.#instances.observe(written)
  }
}

function failed(reason: string, message: string): Outcome {
  return { phase: 'Failed', reason, message }
}

function podKeyOf(machine: Machine): string {
  return `${machine.namespace}/${machine.pod.name}`
}

function instanceKeyOf(pod: Pod): string[] {
  const name = pod.metadata.labels?.[machineNameLabel]
  return name ? [`${pod.metadata.namespace}/${name}`] : []
}

function claimKeysOf(pod: Pod): string[] {
  return (pod.spec.volumes ?? []).flatMap(({ persistentVolumeClaim }) =>
    persistentVolumeClaim ? [`${pod.metadata.namespace}/${persistentVolumeClaim.claimName}`] : [],
  )
}

function isGoing({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined
}

function isFinal(object: { status?: { phase?: string } }): boolean {
  return object.status?.phase === 'Succeeded' || object.status?.phase === 'Failed'
}

function graceOf(vmi: VirtualMachineInstance | undefined): number {
  return vmi?.spec.terminationGracePeriodSeconds ?? defaultGraceSeconds
}

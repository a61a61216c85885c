import { Pod } from '@thresher/api/core/pod'
import { isReason } from '@thresher/api/error'
import { placeDevices, readPlaces } from '@thresher/api/kubevirt/device-places'
import { claimNameOf } from '@thresher/api/kubevirt/hot-plug'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { KubeObject } from '@thresher/api/meta'
import { appLabel, createdByLabel, instanceNodeLabel, launcherApp, machineNameLabel } from '@thresher/api/names'
import { managementAddress, readNics } from '@thresher/api/pod-network'
import { parseBytes } from '@thresher/api/quantity'
import { PersistentVolume } from '@thresher/api/core/persistent-volume'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import type { Client } from '@thresher/client/client'
import type { EventRecorder } from '@thresher/client/events'
import { Informer } from '@thresher/client/informer'
import type { Informers } from '@thresher/client/informers'
import { keyOf } from '@thresher/client/paths'
import type { PodAccess, Runtime } from '../runtime.ts'
import { writeStatus } from '../write-status.ts'
import type { LayerMerge, LayerSwitch, OpenVolumes, SwitchReport, VolumeRef } from '../storage/open-volumes.ts'
import { adoptRuns } from './adopt-runs.ts'
import { MissingSourceError } from './cloud-init.ts'
import { sweepCgroups } from './cgroup.ts'
import { lastingFirmware } from './firmware-store.ts'
import type { ComputeHost } from './host.ts'
import { lastingOwner, type LastingOwner } from './owner-files.ts'
import { lastingTpm } from './tpm/tpm-store.ts'
import { hungMessage, instanceReport, tpmLostMessage } from './instance-report.ts'
import { stoppedEarly } from './outcomes.ts'
import { endedPodStatus, isCurrent, runningPodStatus } from './pod-report.ts'
import { UnsupportedSpecError } from './qemu/draft.ts'
import { hasCredentials, readCredentials } from './guest-credentials.ts'
import { wantedDrives } from './hot-plug/wanted-drives.ts'
import { resolveRun, type ResolveInput, type Resolution } from './resolve.ts'
import { Run } from './run.ts'
import type { Outcome } from './run-state.ts'
import { isUp, type RunView } from './run-view.ts'
import { readSecret, readSeeds } from './seeds.ts'

/** A run that waits longer than this for something says so in an event. */
const patienceMs = 5000
/** How long adopted QEMUs have to answer before the agent goes on without them; each goes on being tried. */
const adoptionMs = 2000
const defaultGraceSeconds = 30

export interface RunsOptions {
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
  /** Called when {@link Runs.problems} gives something new. */
  onProblem?: () => void
}

/** Runs that live but that the agent cannot fully look after, by the names of their machines. */
export interface RunProblems {
  /** QEMU does not answer. */
  hung: string[]
  /** The state file cannot be read. */
  unreadable: string[]
}

/** What the API says of a run's VMI. Only `gone` is knowledge that it should not run. */
type Owner = VirtualMachineInstance | 'gone' | 'unknown'

/**
 * The runtime of virtual machines: a launcher pod bound to this node becomes a run, and how it is goes into the statuses of the
 * pod and its VMI.
 */
export class Runs implements Runtime<Run>, OpenVolumes {
  readonly #options: RunsOptions
  readonly #runs = new Map<string, Run>()
  readonly #instances: Informer<VirtualMachineInstance>
  readonly #claims: Informer<PersistentVolumeClaim>
  readonly #volumes: Informer<PersistentVolume>
  #pods: PodAccess | undefined
  /** Since when a pod's run waits, and for what an event was recorded. */
  readonly #waiting = new Map<string, { since: number; reported?: string }>()
  /** What each run's machine said last of credentials. */
  readonly #credentials = new Map<string, string>()
  /** What was last reported of each run's obstacles. */
  readonly #reported = new Map<string, Pick<RunView, 'hung' | 'noRoom' | 'tpmLost'>>()

  constructor(options: RunsOptions) {
    this.#options = options
    const { client, informers, node, onWatchError } = options
    this.#instances = new Informer(client.resource<VirtualMachineInstance>(VirtualMachineInstance), {
      labelSelector: `${instanceNodeLabel}=${node}`,
      onError: (error) => onWatchError('virtualmachineinstances', error),
    })
    this.#claims = informers.of<PersistentVolumeClaim>(PersistentVolumeClaim)
    this.#volumes = informers.of<PersistentVolume>(PersistentVolume)
  }

  matches(pod: Pod): boolean {
    return pod.metadata.labels?.[appLabel] === launcherApp
  }

  /** Take up the runs that an earlier agent began, all at once; a QEMU that does not answer keeps nobody waiting. */
  async adopt(): Promise<void> {
    const { host } = this.#options
    for (const run of adoptRuns(host, (uid) => this.#changed(uid))) this.#runs.set(run.uid, run)
    sweepCgroups(host.hierarchy, (uid) => this.#runs.has(uid))
    await Promise.race([
      Promise.all(this.list().map(({ reached }) => reached)),
      new Promise((resolve) => setTimeout(resolve, adoptionMs)),
    ])
  }

  async follow(pods: PodAccess): Promise<void> {
    this.#pods = pods
    const { signal } = this.#options
    this.#instances.onChange(({ object }) => this.#enqueue((pod) => instanceKeyOf(pod) === keyOf(object)))
    this.#claims.onChange(({ object }) => this.#enqueue((pod) => this.#usesClaim(pod, keyOf(object))))
    this.#volumes.onChange(({ object }) => {
      const ref = object.spec.claimRef
      if (ref) this.#enqueue((pod) => this.#usesClaim(pod, `${ref.namespace}/${ref.name}`))
    })
    void this.#instances.run(signal)
    await Promise.all([this.#instances.synced, this.#claims.synced, this.#volumes.synced])
  }

  keys(): string[] {
    return this.list().map(podKeyOf)
  }

  /** The run of a VMI, by name. */
  find(namespace: string, name: string): Run | undefined {
    for (const run of this.#runs.values())
      if (run.namespace === namespace && run.name === name && run.view().step !== 'ended') return run
    return undefined
  }

  list(): Run[] {
    return [...this.#runs.values()]
  }

  problems(): RunProblems {
    const named = (has: (view: RunView) => unknown): string[] =>
      this.list()
        .filter((run) => run.view().step !== 'ended' && has(run.view()))
        .map((run) => `${run.namespace}/${run.name}`)
        .toSorted()
    return { hung: named(({ hung }) => hung), unreadable: named(({ unreadable }) => unreadable) }
  }

  /** The cards that runs hold, so that the network knows which taps are still wanted. */
  nics(): { vmi: string; nic: string }[] {
    return this.list().flatMap((run) => run.nics.map((nic) => ({ vmi: run.uid, nic })))
  }

  async resize({ handle }: VolumeRef, bytes: number): Promise<boolean> {
    for (const run of this.list()) if (await run.control.growVolume(handle, bytes)) return true
    return false
  }

  async switchLayers(switches: readonly LayerSwitch[], freeze: boolean): Promise<SwitchReport> {
    const switched: string[] = []
    let frozen = true
    const runs = this.list()
    for (const { volume } of switches)
      if (runs.filter(({ control }) => control.has(volume.handle)).length > 1)
        throw new Error(`the volume ${volume.handle} is written by several guests at once; stop all but one of them`)
    for (const run of runs) {
      const own = switches.filter(({ volume }) => run.control.has(volume.handle))
      if (own.length === 0) continue
      frozen = (await run.control.switchLayers(own, freeze)) && frozen
      switched.push(...own.map(({ volume }) => volume.handle))
    }
    return { switched, frozen }
  }

  async mergeLayers(merge: LayerMerge, signal: AbortSignal): Promise<boolean> {
    const run = this.list().find(({ control }) => control.has(merge.volume.handle))
    await run?.control.mergeLayers(merge, signal)
    return run !== undefined
  }

  /** The address at which the host reaches a run's guest. */
  addressOf(run: Run): string | undefined {
    const pod = this.#pods?.get(podKeyOf(run))
    return managementAddress(readNics(pod?.metadata.annotations) ?? [])
  }

  /**
   * Remove the lasting UEFI variables and TPMs of machines that are gone. Machines' specs stay unread: the server only says
   * whether they exist.
   */
  async sweepLasting(): Promise<void> {
    const { host } = this.#options
    for (const [what, store] of [
      ['UEFI variables', host.firmware],
      ['the TPM', host.tpms],
    ] as const)
      for (const { namespace, name, uid } of store.owners()) {
        if ((await this.#machineExists(namespace, name, uid)) || this.find(namespace, name)) continue
        store.remove(uid)
        host.log('info', `${what} of ${namespace}/${name} removed with it`)
      }
  }

  /** @returns true as well when it cannot be known now */
  #machineExists(namespace: string, name: string, uid: string): Promise<boolean> {
    return this.#isMachine({ namespace, name, uid }).catch(() => true)
  }

  /** Whether there is such a machine. A node may not read machines: that it may not read one says that it is there. */
  async #isMachine({ namespace, name, uid }: LastingOwner): Promise<boolean> {
    try {
      const machine = await this.#options.client.resource<VirtualMachine>(VirtualMachine).get(name, namespace)
      return machine.metadata.uid === uid
    } catch (error) {
      if (isReason(error, 'NotFound')) return false
      if (isReason(error, 'Forbidden')) return true
      throw error
    }
  }

  /**
   * Whether what an instance has of lasting things is its machine's. Whoever makes an instance by himself writes its owners as he
   * likes, also another tenant's machine, whose TPM and UEFI variables must not be his.
   */
  async #ownsLasting(vmi: VirtualMachineInstance): Promise<boolean> {
    const owner = lastingFirmware(vmi) || lastingTpm(vmi) ? lastingOwner(vmi) : undefined
    if (!owner) return true
    const { firmware, tpms } = this.#options.host
    const kept = [...firmware.owners(), ...tpms.owners()].filter(({ uid }) => uid === owner.uid)
    const isForeign = kept.some(({ namespace, name }) => namespace !== owner.namespace || name !== owner.name)
    return !isForeign && this.#isMachine(owner)
  }

  release(): void {
    for (const run of this.#runs.values()) run.release()
  }

  async reconcile(key: string, pod: Pod | undefined): Promise<void> {
    const run = this.list().find((one) => podKeyOf(one) === key || (pod && isRebuiltFor(one, pod)))
    if (!pod) return run ? this.#withoutPod(key, run) : this.#forgetWaiting(key)
    const vmi = await this.#instanceOf(pod)
    if (run && run.pod.uid === '') this.#complete(run, pod, vmi)
    if (run && (run.pod.uid === pod.metadata.uid || isRebuiltFor(run, pod))) return this.#follow(pod, run, vmi)
    if (run) return run.stop(0)
    if (isFinal(pod)) return this.#access.confirmEnd(pod)
    if (vmi === 'unknown')
      throw new Error(`the VirtualMachineInstance ${instanceKeyOf(pod)} cannot be read; whether it runs stays as it is`)
    if (pod.status?.phase === 'Running')
      return this.#reportEnd(pod, vmi, failed('QemuGone', 'QEMU is gone; the host may have restarted'))
    if (isGoing(pod) || vmi === 'gone' || isGoing(vmi) || isFinal(vmi)) return this.#reportEnd(pod, vmi, stoppedEarly)
    await this.#begin(key, pod, vmi)
  }

  get #access(): PodAccess {
    if (!this.#pods) throw new Error('the runtime follows no pods yet')
    return this.#pods
  }

  #enqueue(is: (pod: Pod) => boolean): void {
    for (const pod of this.#access.list()) if (this.matches(pod) && is(pod)) this.#access.enqueue(keyOf(pod))
  }

  /** Whether a claim is among a pod's, or came to its guest later. */
  #usesClaim(pod: Pod, claimKey: string): boolean {
    const { metadata, spec } = pod
    const volumes = this.#instances.get(instanceKeyOf(pod))?.spec.volumes ?? []
    const names = [
      ...(spec.volumes ?? []).map(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName),
      ...volumes.map(claimNameOf),
    ]
    return names.some((name) => name !== undefined && `${metadata.namespace}/${name}` === claimKey)
  }

  #changed(uid: string): void {
    const run = this.#runs.get(uid)
    if (run) this.#pods?.enqueue(podKeyOf(run))
  }

  #resolve(pod: Pod, vmi: VirtualMachineInstance): Resolution {
    return resolveRun(this.#lookup(pod, vmi))
  }

  #lookup(pod: Pod, vmi: VirtualMachineInstance): ResolveInput {
    const { namespace } = pod.metadata
    return {
      vmi,
      pod,
      claim: (name) => this.#claims.get(`${namespace}/${name}`),
      volume: (name) => this.#volumes.get(name),
    }
  }

  /** Start the run when everything for it is there. */
  async #begin(key: string, pod: Pod, vmi: VirtualMachineInstance): Promise<void> {
    const { client, host } = this.#options
    const resolution = this.#resolve(pod, vmi)
    if (!resolution.ready) {
      if ('waitingFor' in resolution) return this.#wait(key, pod, vmi, `waits for ${resolution.waitingFor}`)
      const { message } = new UnsupportedSpecError(resolution.errors)
      return this.#reportEnd(pod, vmi, failed('UnsupportedSpec', message))
    }
    if (!(await this.#ownsLasting(vmi)))
      return this.#reportEnd(pod, vmi, failed('ForeignOwner', foreignOwner(vmi.metadata.name ?? '')))
    let seeds
    try {
      seeds = await readSeeds(client, vmi, resolution.seeds)
    } catch (error) {
      // No watch tells of a Secret that appears, so look again.
      if (!(error instanceof MissingSourceError)) throw error
      this.#access.enqueue(key, 2000)
      return this.#wait(key, pod, vmi, `waits for ${error.message}`)
    }
    this.#forgetWaiting(key)
    const uid = vmi.metadata.uid ?? ''
    if (this.#runs.has(uid)) return
    const { name = '', uid: podUid = '' } = pod.metadata
    const places = placeDevices(readPlaces(vmi.metadata.annotations), vmi.spec)
    const limit = pod.spec.containers[0]?.resources?.limits?.['memory']
    const plan = {
      ...resolution,
      places,
      vmi,
      pod: { name, uid: podUid },
      seeds,
      priority: pod.spec.priority ?? 0,
      ...(limit === undefined ? {} : { memoryLimitBytes: parseBytes(limit) }),
    }
    this.#runs.set(
      uid,
      Run.start(host, plan, () => this.#changed(uid)),
    )
  }

  #wait(key: string, pod: Pod, vmi: VirtualMachineInstance, why: string): void {
    const waiting = this.#waiting.get(key) ?? { since: Date.now() }
    this.#waiting.set(key, waiting)
    const waitedMs = Date.now() - waiting.since
    if (waitedMs < patienceMs) return this.#access.enqueue(key, patienceMs - waitedMs + 10)
    if (waiting.reported === why) return
    waiting.reported = why
    const message = `${vmi.metadata.name} ${why}`
    for (const object of [pod, vmi])
      this.#options.events.record({ object, type: 'Warning', reason: 'FailedMount', message })
  }

  #forgetWaiting(key: string): void {
    this.#waiting.delete(key)
  }

  /** A run whose state was made from its process alone: add what the API knows. */
  #complete(run: Run, pod: Pod, vmi: Owner): void {
    const resolution = typeof vmi === 'string' ? undefined : this.#resolve(pod, vmi)
    const { name = '', uid = '' } = pod.metadata
    run.complete({ name, uid }, resolution?.ready ? resolution.volumes : [])
  }

  /** A run that is under way or over: stop it when it is to stop, and report how it is. */
  async #follow(pod: Pod, run: Run, vmi: Owner): Promise<void> {
    const view = run.view()
    if (view.step === 'ended') {
      await this.#reportEnd(pod, vmi, view.outcome ?? failed('Unknown', 'it is not known how the run ended'), run)
      return this.#forget(run)
    }
    const unwanted = vmi === 'gone' || (vmi !== 'unknown' && (isGoing(vmi) || isFinal(vmi)))
    if (isGoing(pod) || isFinal(pod) || unwanted) run.stop(graceOf(vmi))
    this.#reportObstacles(run, view, vmi)
    if (isUp(view) && typeof vmi !== 'string' && !isGoing(vmi)) {
      run.wantDevices(wantedDrives(this.#lookup(pod, vmi)), vmi, readNics(pod.metadata.annotations) ?? [])
      run.guest.wantProbes(vmi.spec, this.addressOf(run))
      this.#wantCredentials(run, vmi)
    }
    if ((!isUp(view) && !view.hung) || isFinal(pod)) return
    const { hostIP } = this.#options
    const nics = readNics(pod.metadata.annotations) ?? []
    const now = new Date()
    await Promise.all([
      isUp(view) &&
        this.#access.writeStatus(pod, (current) =>
          isCurrent(current, view) ? undefined : runningPodStatus(current, view, nics, hostIP, now),
        ),
      typeof vmi !== 'string' && this.#reportInstance(vmi, podOf(pod), view, nics),
    ])
  }

  #wantCredentials(run: Run, vmi: VirtualMachineInstance): void {
    const { client } = this.#options
    const text = JSON.stringify(vmi.spec.accessCredentials ?? [])
    const isNew = this.#credentials.get(run.uid) !== text
    this.#credentials.set(run.uid, text)
    const { namespace = 'default' } = vmi.metadata
    const read = () => readCredentials(vmi, (name) => readSecret(client, namespace, name))
    run.guest.wantCredentials(hasCredentials(vmi) ? read : undefined, isNew)
  }

  /** Events on what keeps a run from going on, and on its end. */
  #reportObstacles(run: Run, view: RunView, vmi: Owner): void {
    const before = this.#reported.get(run.uid)
    const { hung, noRoom, tpmLost = false } = view
    if (before?.hung === hung && (before?.noRoom ?? false) === noRoom && (before?.tpmLost ?? false) === tpmLost) return
    this.#reported.set(run.uid, { hung, noRoom, tpmLost })
    this.#options.onProblem?.()
    if (typeof vmi === 'string') return
    const record = (type: 'Normal' | 'Warning', reason: string, message: string): void =>
      this.#options.events.record({ object: vmi, type, reason, message })
    if (view.hung && view.hung !== before?.hung) record('Warning', 'QemuHung', hungMessage(run.name, view.hung))
    if (tpmLost && !before?.tpmLost) record('Warning', 'TPMLost', `${tpmLostMessage(run.name)}.`)
    if (before?.hung && !view.hung) record('Normal', 'QemuAnswers', `QEMU of ${run.name} answers again.`)
    if (view.noRoom && !before?.noRoom)
      record(
        'Warning',
        'NoRoom',
        `${run.name} is paused: the disk of ${this.#options.node} is full; it goes on when there is room.`,
      )
    if (before?.noRoom && !view.noRoom)
      record('Normal', 'Resumed', `${run.name} goes on: the disk of ${this.#options.node} has room again.`)
  }

  /** The pod was taken away by force: the guest has no place here any more. */
  async #withoutPod(key: string, run: Run): Promise<void> {
    if (run.pod.uid === '') {
      // Its state was made from its process, which does not know its pod.
      const pod = this.#access.list().find((one) => isRebuiltFor(run, one))
      if (pod) return this.#access.enqueue(keyOf(pod))
    } else if (podKeyOf(run) !== key) return this.#access.enqueue(podKeyOf(run))
    const view = run.view()
    if (view.step !== 'ended') return run.stop(0)
    const vmi = await this.#instance(run.namespace, run.name, run.uid)
    const outcome = view.outcome ?? failed('Unknown', 'it is not known how the run ended')
    if (typeof vmi !== 'string') await this.#reportInstanceEnd(vmi, run.pod, outcome, run)
    this.#forget(run)
  }

  #forget(run: Run): void {
    this.#runs.delete(run.uid)
    this.#reported.delete(run.uid)
    this.#credentials.delete(run.uid)
    void run.forget()
    this.#options.onProblem?.()
  }

  async #reportEnd(pod: Pod, vmi: Owner, outcome: Outcome, run?: Run): Promise<void> {
    const now = new Date()
    this.#forgetWaiting(keyOf(pod))
    await Promise.all([
      this.#access.writeStatus(pod, (current) =>
        isFinal(current) ? undefined : endedPodStatus(current, outcome, now),
      ),
      typeof vmi !== 'string' && this.#reportInstanceEnd(vmi, podOf(pod), outcome, run),
    ])
    if (outcome.phase === 'Failed' && typeof vmi !== 'string')
      this.#options.events.record({ object: vmi, type: 'Warning', reason: outcome.reason, message: outcome.message })
    await this.#access.confirmEnd(pod)
  }

  #reportInstanceEnd(vmi: VirtualMachineInstance, pod: Run['pod'], outcome: Outcome, run?: Run): Promise<void> {
    const view = {
      ...(run?.view() ?? { guestAgent: false, noRoom: false, user: this.#options.host.user.uid }),
      step: 'ended' as const,
      outcome,
    }
    return this.#reportInstance(vmi, pod, view, [])
  }

  async #reportInstance(
    vmi: VirtualMachineInstance,
    pod: Run['pod'],
    view: RunView,
    nics: ReturnType<typeof readNics> & {},
  ): Promise<void> {
    const { client, node } = this.#options
    const resource = client.resource<VirtualMachineInstance>(VirtualMachineInstance)
    const written = await writeStatus(resource, this.#instances.get(keyOf(vmi)) ?? vmi, (current) =>
      isFinal(current)
        ? undefined
        : instanceReport({
            vmi: current,
            view,
            node,
            pod,
            nics,
            claims: this.#claimsOf(current),
            runtimeUser: view.user,
            now: new Date(),
          }),
    )
    if (written) this.#instances.observe(written)
  }

  #instanceOf(pod: Pod): Promise<Owner> {
    const { namespace = '', labels } = pod.metadata
    return this.#instance(namespace, labels?.[machineNameLabel] ?? '', labels?.[createdByLabel] ?? '')
  }

  /** From the watch; just after the binding, before the watch knows that it is ours, from the server. */
  async #instance(namespace: string, name: string, uid: string): Promise<Owner> {
    const known = this.#instances.get(`${namespace}/${name}`)
    if (known) return known.metadata.uid === uid ? known : 'gone'
    try {
      const found = await this.#options.client
        .resource<VirtualMachineInstance>(VirtualMachineInstance)
        .get(name, namespace)
      return found.metadata.uid === uid ? found : 'gone'
    } catch (error) {
      if (isReason(error, 'NotFound')) return 'gone'
      // Rights may be wrong for a while; a guest is not stopped for that.
      if (isReason(error, 'Forbidden')) return 'unknown'
      throw error
    }
  }

  #claimsOf(vmi: VirtualMachineInstance): Map<string, { name: string; bytes?: number }> {
    const found = new Map<string, { name: string; bytes?: number }>()
    for (const volume of vmi.spec.volumes ?? []) {
      const name = claimNameOf(volume)
      if (name === undefined) continue
      const claim = this.#claims.get(`${vmi.metadata.namespace}/${name}`)
      const size = claim?.status?.capacity?.['storage'] ?? claim?.spec.resources?.requests?.['storage']
      found.set(volume.name, { name, ...(size === undefined ? {} : { bytes: parseBytes(size) }) })
    }
    return found
  }
}

function foreignOwner(name: string): string {
  return `the owner that ${name} names is not a VirtualMachine of its namespace, so it cannot have that machine's TPM and UEFI variables; start the machine itself, or set persistent to false`
}

function failed(reason: string, message: string): Outcome {
  return { phase: 'Failed', reason, message }
}

function podOf({ metadata: { name = '', uid = '' } }: Pod): Run['pod'] {
  return { name, uid }
}

function podKeyOf(run: Run): string {
  return `${run.namespace}/${run.pod.name}`
}

/** Whether a run whose pod is not known yet is that of this pod. */
function isRebuiltFor(run: Run, pod: Pod): boolean {
  return run.pod.uid === '' && run.uid === pod.metadata.labels?.[createdByLabel]
}

function instanceKeyOf(pod: Pod): string {
  return `${pod.metadata.namespace}/${pod.metadata.labels?.[machineNameLabel] ?? ''}`
}

function isGoing({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined
}

function isFinal(object: { status?: { phase?: string } }): boolean {
  return object.status?.phase === 'Succeeded' || object.status?.phase === 'Failed'
}

function graceOf(vmi: Owner): number {
  return (typeof vmi === 'string' ? undefined : vmi.spec.terminationGracePeriodSeconds) ?? defaultGraceSeconds
}

import type { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import type { Pod } from '@thresher/api/core/pod'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { Condition } from '@thresher/api/meta'
import { findCondition } from '@thresher/client/conditions'
import { isRefusal } from '@thresher/client/refused-error'
import { instanceFinalizer } from '../names.ts'
import { claimNames } from '../virtual-machine/claims.ts'
import { activePod } from './active-pod.ts'
import { launcherPod } from './launcher-pod.ts'
import type { Trouble } from './trouble.ts'

/** All that decides what happens to an instance next. */
export interface InstanceView {
  /** Whether some node can only emulate guests. */
  emulated: boolean
  /** On the memory that machines take beside their guests. */
  overheadFactor: number
  instance: VirtualMachineInstance
  /** All pods that the instance owns: one, or two while it migrates. */
  pods: readonly Pod[]
  /** The instance's claims that exist, by name. */
  claims: ReadonlyMap<string, PersistentVolumeClaim>
  /** Instances that use one of the same claims and are older or already placed. */
  rivals: VirtualMachineInstance[]
}

export type InstanceStep =
  | { do: 'nothing' }
  /** The finalizer is missing; put it on before anything runs. */
  | { do: 'guard' }
  | { do: 'create-pod'; pod: Pod }
  /** `force` where nothing runs any more, so that no agent need confirm. */
  | { do: 'delete-pod'; pod: Pod; force: boolean }
  /** The pod is not to be seen though it was; make sure, then fail the instance. */
  | { do: 'check-pod' }
  | { do: 'release' }

/** What the status must say; undefined leaves it as it is. */
export interface InstanceWord {
  phase?: 'Pending' | 'Scheduling' | 'Scheduled' | 'Failed' | 'Succeeded'
  reason?: string
  /** Why it ended, in the words of the pod's agent. */
  message?: string
  trouble?: Trouble
  /** The pod's own word on why it has no node. */
  unscheduled?: Condition
  nodeName?: string
  podUid?: string
}

export interface InstancePlan {
  step: InstanceStep
  word: InstanceWord | undefined
}

/** What to do next for an instance. The agent writes the phases from Running on; this writes those before. */
export function planInstance(view: InstanceView): InstancePlan {
  const { instance, pods } = view
  const { metadata } = instance
  const pod = activePod(instance, pods)
  const phase = instance.status?.phase ?? ''
  const ended = phase === 'Succeeded' || phase === 'Failed'
  if (metadata.deletionTimestamp || ended) {
    const word = pod && endWord(instance, pod)
    const steps = pods.map((one) => planPodEnd(one, ended || hasEnded(one)))
    if (steps.length > 0) return { step: steps.find((step) => step.do !== 'nothing') ?? { do: 'nothing' }, word }
    const held = metadata.deletionTimestamp && metadata.finalizers?.includes(instanceFinalizer)
    return { step: held ? { do: 'release' } : { do: 'nothing' }, word: undefined }
  }
  if (!metadata.finalizers?.includes(instanceFinalizer)) return { step: { do: 'guard' }, word: undefined }
  if (!pod) {
    if (phase === 'Scheduling' || phase === 'Scheduled' || phase === 'Running' || phase === 'Unknown')
      return { step: { do: 'check-pod' }, word: undefined }
    const trouble = findTrouble(view)
    if (trouble) return { step: { do: 'nothing' }, word: { phase: 'Pending', trouble } }
    return {
      step: { do: 'create-pod', pod: launcherPod(instance, view.emulated, view.overheadFactor) },
      word: undefined,
    }
  }
  if (hasEnded(pod)) return { step: { do: 'nothing' }, word: endWord(instance, pod) }
  if (phase === 'Running' || phase === 'Unknown') return { step: { do: 'nothing' }, word: undefined }
  const { nodeName } = pod.spec
  if (nodeName) {
    const word: InstanceWord = { phase: 'Scheduled', nodeName, podUid: pod.metadata.uid }
    return { step: { do: 'nothing' }, word }
  }
  const refused = findCondition(pod.status?.conditions, 'Synchronized')
  if (isRefusal(refused))
    return { step: { do: 'nothing' }, word: { phase: 'Scheduling', trouble: podRefused(refused) } }
  const scheduled = findCondition(pod.status?.conditions, 'PodScheduled')
  // The scheduler answers within milliseconds; only where it finds no node is the wait worth a write.
  if (scheduled?.status !== 'False') return { step: { do: 'nothing' }, word: undefined }
  return { step: { do: 'nothing' }, word: { phase: 'Scheduling', unscheduled: scheduled } }
}

/** What the API refuses of the pod is what its instance waits for; in a reason of its own, so that it goes with the pod's. */
function podRefused({ message = '' }: Condition): Trouble {
  return { reason: 'PodNotSynchronized', message }
}

function hasEnded({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed'
}

/** Clear a pod away: at once where nothing runs in it, else its agent stops the guest first. */
function planPodEnd(pod: Pod, ended: boolean): InstanceStep {
  const force = ended || !pod.spec.nodeName
  if (pod.metadata.deletionTimestamp && !force) return { do: 'nothing' }
  return { do: 'delete-pod', pod, force }
}

/** An instance whose pod has ended has ended too, whatever its agent managed to say. */
function endWord(instance: VirtualMachineInstance, pod: Pod): InstanceWord | undefined {
  const { phase, reason, message } = pod.status ?? {}
  const before = instance.status?.phase
  if (before === 'Succeeded' || before === 'Failed') return undefined
  if (phase !== 'Succeeded' && phase !== 'Failed') return undefined
  return { phase, reason: reason ?? message, ...(message ? { message } : {}) }
}

/** Why no pod can be made yet. */
function findTrouble({ instance, claims, rivals }: InstanceView): Trouble | undefined {
  const { name } = instance.metadata
  for (const claimName of claimNames(instance.spec)) {
    const claim = claims.get(claimName)
    if (!claim)
      return {
        reason: 'FailedPvcNotFound',
        message: `the PersistentVolumeClaim ${claimName} does not exist; create it or take the volume off ${name}`,
      }
    if (claim.metadata.deletionTimestamp)
      return {
        reason: 'FailedPvcNotFound',
        message: `the PersistentVolumeClaim ${claimName} is being deleted; choose another volume for ${name}`,
      }
    if (isShareable(instance, claimName)) continue
    const rival = rivals.find((other) => claimNames(other.spec).includes(claimName) && !isShareable(other, claimName))
    if (rival)
      return {
        reason: 'VolumeInUse',
        message: `the volume ${claimName} is already used by VM ${rival.metadata.name}; stop that one or use a shareable RWX volume`,
      }
  }
  return undefined
}

/** Whether the disk of a claim says that several machines may write it at once. */
function isShareable(instance: VirtualMachineInstance, claimName: string): boolean {
  const volume = instance.spec.volumes?.find((each) => each.persistentVolumeClaim?.claimName === claimName)
  const disk = instance.spec.domain.devices.disks?.find((each) => each.name === volume?.name)
  return disk?.shareable === true || volume?.persistentVolumeClaim?.readOnly === true || volume?.ephemeral !== undefined
}

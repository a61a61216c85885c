import { Node } from '@thresher/api/core/node'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { Pod } from '@thresher/api/core/pod'
import { Setting } from '@thresher/api/harvester/setting'
import { effectiveValue } from '@thresher/api/harvester/settings/value'
import { overheadFactor, readOvercommit } from '@thresher/api/kubevirt/overcommit'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { acceleratorLabel, createdByLabel, instanceNodeLabel, migrationTargetLabel } from '@thresher/api/names'
import { same } from '@thresher/api/same'
import { defineController, watch, type Context } from '@thresher/client/controller'
import { controllerKey, isControlledBy } from '@thresher/client/owner'
import { keyOf } from '@thresher/client/paths'
import { subjectIs } from '@thresher/client/subject'
import { instanceFinalizer } from '../names.ts'
import { claimNames } from '../virtual-machine/claims.ts'
import { activePod } from './active-pod.ts'
import { planInstance, type InstanceStep, type InstanceView, type InstanceWord } from './plan.ts'
import { instanceStatus, refusedStatus } from './status.ts'

/** Gives each instance its pod, follows it until a node's agent takes over, and clears up behind it. */
export const virtualMachineInstanceController = defineController({
  name: 'virtual-machine-instance',
  workers: 16,
  watches: [
    watch(
      VirtualMachineInstance,
      (instance, context, change) => [
        keyOf(instance),
        // One that ends sets its volumes free for those that wait for them.
        ...(change.type === 'deleted' || hasEnded(instance) ? rivalsOf(instance, context).map(keyOf) : []),
      ],
      { claim: claimKeys },
    ),
    watch(Pod, ownerKey, { instance: ownerKey }),
    watch(Node, () => []),
    watch(Setting, () => []),
    watch(PersistentVolumeClaim, (claim, context) =>
      context.objects(VirtualMachineInstance).byIndex('claim', keyOf(claim)).map(keyOf),
    ),
  ],
  subject: subjectIs(VirtualMachineInstance, (instance, refusal, { now }) => refusedStatus(instance, refusal, now())),
  async reconcile(key, context) {
    const instance = context.objects(VirtualMachineInstance).get(key)
    if (!instance) return
    const plan = planInstance(observe(instance, context))
    const word = (await act(instance, plan.step, context)) ?? plan.word
    const labelled = plan.step.do === 'release' ? instance : await label(instance, word, context)
    if (word) await show(labelled, word, context)
    if (plan.step.do === 'release')
      await context.objects(VirtualMachineInstance).removeFinalizer(instance, instanceFinalizer)
  },
})

const ratioSetting = 'additional-guest-memory-overhead-ratio'

function overheadFactorNow(context: Context): number {
  return overheadFactor(readOvercommit({}, effectiveValue(ratioSetting, context.objects(Setting).get(ratioSetting))))
}

function isEmulating({ metadata }: Node): boolean {
  return metadata.labels?.[acceleratorLabel] === 'tcg'
}

function ownerKey(pod: Pod): string[] {
  return controllerKey(pod, VirtualMachineInstance)
}

function claimKeys(instance: VirtualMachineInstance): string[] {
  return claimNames(instance.spec).map((name) => `${instance.metadata.namespace}/${name}`)
}

function hasEnded(instance: VirtualMachineInstance): boolean {
  const phase = instance.status?.phase
  return phase === 'Succeeded' || phase === 'Failed'
}

/** Other instances on the same claims. */
function rivalsOf(instance: VirtualMachineInstance, context: Context): VirtualMachineInstance[] {
  const found = claimKeys(instance).flatMap((key) => context.objects(VirtualMachineInstance).byIndex('claim', key))
  return [...new Set(found)].filter((other) => other.metadata.uid !== instance.metadata.uid)
}

/** Whether `other` comes before `instance` in the use of a volume they share. */
function goesFirst(other: VirtualMachineInstance, instance: VirtualMachineInstance): boolean {
  if (hasEnded(other)) return false
  const phase = other.status?.phase ?? ''
  if (phase !== '' && phase !== 'Pending') return true
  const [a, b] = [other, instance].map(({ metadata }) => `${metadata.creationTimestamp} ${metadata.uid}`)
  return (a ?? '') < (b ?? '')
}

function observe(instance: VirtualMachineInstance, context: Context): InstanceView {
  const { namespace } = instance.metadata
  const pods = context.objects(Pod).byIndex('instance', keyOf(instance))
  const claims = claimNames(instance.spec).flatMap((name) => {
    const claim = context.objects(PersistentVolumeClaim).get(`${namespace}/${name}`)
    return claim ? [[name, claim] as const] : []
  })
  return {
    emulated: context.objects(Node).list().some(isEmulating),
    overheadFactor: overheadFactorNow(context),
    instance,
    pods: pods.filter((pod) => isControlledBy(pod, instance)),
    claims: new Map(claims),
    rivals: rivalsOf(instance, context).filter((other) => goesFirst(other, instance)),
  }
}

/** Carry out a step. Gives the word for the status where the step found it out. */
async function act(
  instance: VirtualMachineInstance,
  step: InstanceStep,
  context: Context,
): Promise<InstanceWord | undefined> {
  const { metadata } = instance
  switch (step.do) {
    case 'guard': {
      const finalizers = [...(metadata.finalizers ?? []), instanceFinalizer]
      await context.objects(VirtualMachineInstance).update({ ...instance, metadata: { ...metadata, finalizers } })
      return undefined
    }
    case 'create-pod':
      await context.objects(Pod).create(step.pod)
      return undefined
    case 'delete-pod':
      await context.objects(Pod).delete(step.pod, step.force ? { gracePeriodSeconds: 0 } : {})
      return undefined
    case 'check-pod':
      return checkPod(instance, context)
    default:
      return undefined
  }
}

/** Ask the server itself: our informer of pods may be behind that of instances. */
async function checkPod(instance: VirtualMachineInstance, context: Context): Promise<InstanceWord | undefined> {
  const { namespace, uid = '' } = instance.metadata
  const labelSelector = `${createdByLabel}=${uid}`
  const { items } = await context.client.resource<Pod>(Pod).list({ namespace, labelSelector })
  if (
    activePod(
      instance,
      items.filter((pod) => isControlledBy(pod, instance)),
    )
  )
    return undefined
  const message = `the pod of ${instance.metadata.name} was deleted while the guest was in it`
  context.events.record({ object: instance, type: 'Warning', reason: 'PodMissing', message: `${message}.` })
  return { phase: 'Failed', reason: 'PodMissing', trouble: { reason: 'PodMissing', message } }
}

/** The nodes' agents watch the instances that are theirs by these labels; set before the status says so. */
async function label(
  instance: VirtualMachineInstance,
  word: InstanceWord | undefined,
  context: Context,
): Promise<VirtualMachineInstance> {
  const labels = {
    [instanceNodeLabel]: word?.nodeName ?? instance.status?.nodeName,
    [migrationTargetLabel]: targetNode(instance),
  }
  const has = instance.metadata.labels ?? {}
  const changed = Object.entries(labels).filter(([name, node]) => has[name] !== node)
  if (changed.length === 0) return instance
  // A label that is to go is set to null in a merge patch.
  const change = Object.fromEntries(changed.map(([name, node]) => [name, node ?? null]))
  return context.objects(VirtualMachineInstance).patch(instance, { metadata: { labels: change } })
}

/** The node that receives the guest, while it migrates. */
function targetNode({ status }: VirtualMachineInstance): string | undefined {
  const { targetNode: node, completed } = status?.migrationState ?? {}
  return completed ? undefined : node
}

async function show(instance: VirtualMachineInstance, word: InstanceWord, context: Context): Promise<void> {
  const status = instanceStatus(instance, word, context.now())
  if (same(status, instance.status)) return
  await context.objects(VirtualMachineInstance).updateStatus({ ...instance, status })
}

import { Node } from '@thresher/api/core/node'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { Pod } from '@thresher/api/core/pod'
import { isReason } from '@thresher/api/error'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { acceleratorLabel } from '@thresher/api/names'
import { same } from '@thresher/api/same'
import { defineController, watch, type Context } from '@thresher/client/controller'
import { controllerKey, isControlledBy } from '@thresher/client/owner'
import { keyOf } from '@thresher/client/paths'
import { instanceFinalizer } from '../names.ts'
import { claimNames } from '../virtual-machine/claims.ts'
import { launcherPodName } from './launcher-pod.ts'
import { planInstance, type InstanceStep, type InstanceView, type InstanceWord } from './plan.ts'
import { instanceStatus } from './status.ts'

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
    watch(Pod, (pod) => controllerKey(pod, VirtualMachineInstance)),
    watch(Node, () => []),
    watch(PersistentVolumeClaim, (claim, context) =>
      context.objects(VirtualMachineInstance).byIndex('claim', keyOf(claim)).map(keyOf),
    ),
  ],
  async reconcile(key, context) {
    const instance = context.objects(VirtualMachineInstance).get(key)
    if (!instance) return
    const plan = planInstance(observe(instance, context))
    const word = (await act(instance, plan.step, context)) ?? plan.word
    if (word) await show(instance, word, context)
    if (plan.step.do === 'release')
      await context.objects(VirtualMachineInstance).removeFinalizer(instance, instanceFinalizer)
  },
})

function isEmulating({ metadata }: Node): boolean {
  return metadata.labels?.[acceleratorLabel] === 'tcg'
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
  const pod = context.objects(Pod).get(`${namespace}/${launcherPodName(instance)}`)
  const claims = claimNames(instance.spec).flatMap((name) => {
    const claim = context.objects(PersistentVolumeClaim).get(`${namespace}/${name}`)
    return claim ? [[name, claim] as const] : []
  })
  return {
    emulated: context.objects(Node).list().some(isEmulating),
    instance,
    pod: pod && isControlledBy(pod, instance) ? pod : undefined,
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
  const name = launcherPodName(instance)
  try {
    await context.client.resource(Pod).get(name, instance.metadata.namespace)
    return undefined
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error
  }
  const message = `the pod ${name} was deleted while ${instance.metadata.name} used it`
  context.events.record({ object: instance, type: 'Warning', reason: 'PodMissing', message: `${message}.` })
  return { phase: 'Failed', reason: 'PodMissing', trouble: { reason: 'PodMissing', message } }
}

async function show(instance: VirtualMachineInstance, word: InstanceWord, context: Context): Promise<void> {
  const status = instanceStatus(instance, word, context.now())
  if (same(status, instance.status)) return
  await context.objects(VirtualMachineInstance).updateStatus({ ...instance, status })
}

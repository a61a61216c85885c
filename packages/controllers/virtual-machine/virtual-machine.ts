import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { devicePlacesAnnotation } from '@thresher/api/kubevirt/device-places'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { compareQuantities, isQuantity } from '@thresher/api/quantity'
import { same } from '@thresher/api/same'
import { StorageClass } from '@thresher/api/storage/storage-class'
import { defineController, watch, type Context, type Result } from '@thresher/client/controller'
import { controllerKey, isControlledBy } from '@thresher/client/owner'
import { keyOf } from '@thresher/client/paths'
import { subjectIs } from '@thresher/client/subject'
import { claimImageIndexes, claimsOfImage } from '../image/claim-image.ts'
import { machineFinalizer } from '../names.ts'
import { claimNames, claimsOf, claimsToRemove } from './claims.ts'
import { placesText } from './instance.ts'
import { keptPlaces, livePatch, liveUpdate } from './live-update.ts'
import { planMachine, type MachineStep, type MachineView } from './plan.ts'
import type { Standing } from './printable-status.ts'
import { instanceTrouble, volumeTrouble } from './standing.ts'
import { heldStatus, machineStatus, refusedMachineStatus } from './status.ts'

/** Makes a VirtualMachine's claims and its instance, stops it, restarts it after crashes, and shows how it fares. */
export const virtualMachineController = defineController({
  name: 'virtual-machine',
  workers: 16,
  watches: [
    watch(VirtualMachine, undefined, { claim: claimKeys }),
    watch(VirtualMachineInstance, (instance) => controllerKey(instance, VirtualMachine)),
    watch(PersistentVolumeClaim, usersOf, claimImageIndexes),
    watch(VirtualMachineImage, (image, context) =>
      claimsOfImage(image, context).flatMap((claim) => usersOf(claim, context)),
    ),
    watch(StorageClass, () => []),
  ],
  subject: subjectIs(VirtualMachine, (machine, refusal, { objects, now }) =>
    // What is over has gone from the status with the step that went through.
    refusal
      ? refusedMachineStatus(machine, objects(VirtualMachineInstance).get(keyOf(machine)), refusal, now())
      : machine.status,
  ),
  reconcile,
})

/** The keys of the claims a machine uses or asks for. */
function claimKeys(machine: VirtualMachine): string[] {
  const names = new Set([...claimNames(machine.spec.template.spec), ...claimsToRemove(machine)])
  for (const claim of claimsIfValid(machine)) names.add(claim.metadata.name ?? '')
  return [...names].map((name) => `${machine.metadata.namespace}/${name}`)
}

function usersOf(claim: PersistentVolumeClaim, context: Context): string[] {
  return context.objects(VirtualMachine).byIndex('claim', keyOf(claim)).map(keyOf)
}

async function reconcile(key: string, context: Context): Promise<Result | void> {
  const machines = context.objects(VirtualMachine)
  const found = machines.get(key)
  if (!found) return
  let wanted: PersistentVolumeClaim[] = []
  try {
    wanted = claimsOf(found)
  } catch (error) {
    const message = `${(error as Error).message}; mend the annotation of ${found.metadata.name}`
    if (!found.metadata.deletionTimestamp) return showInvalid(found, message, context)
  }
  if (!found.metadata.deletionTimestamp) await growClaims(wanted, context)
  const view = observe(found, wanted, context)
  const plan = planMachine(view)
  const placed = starts(plan.step) ? await keepPlaces(found, context) : found
  // A stop must be remembered before it is carried out, a start when it has been.
  const { machine, instance } = await updateLive(placed, view.instance, plan.step, context)
  if (plan.step.do === 'stop') await writeStatus(machine, instance, plan, context)
  const made = await act(machine, plan.step, context)
  if (plan.step.do !== 'stop' && plan.step.do !== 'release' && plan.step.do !== 'guard')
    await writeStatus(machine, made ?? instance, plan, context)
  if (plan.step.do === 'wait') return { afterMs: plan.step.ms }
}

function starts(step: MachineStep): boolean {
  return step.do === 'start' || (step.do === 'create-claims' && starts(step.next))
}

/** Write down where the machine's devices sit, before an instance is made with that. */
function keepPlaces(machine: VirtualMachine, context: Context): Promise<VirtualMachine> {
  return writePlaces(machine, placesText(machine), context)
}

async function writePlaces(machine: VirtualMachine, places: string, context: Context): Promise<VirtualMachine> {
  if (machine.metadata.annotations?.[devicePlacesAnnotation] === places) return machine
  const annotations = { [devicePlacesAnnotation]: places }
  return context.objects(VirtualMachine).patch(machine, { metadata: { annotations } })
}

/** Bring a running instance up to what of its machine's template needs no restart. @returns both as they are then */
async function updateLive(
  machine: VirtualMachine,
  instance: VirtualMachineInstance | undefined,
  step: MachineStep,
  context: Context,
): Promise<{ machine: VirtualMachine; instance: VirtualMachineInstance | undefined }> {
  const runs = instance?.status?.phase === 'Running' && !instance.metadata.deletionTimestamp
  if (!runs || step.do === 'stop' || !isControlledBy(instance, machine)) return { machine, instance }
  const update = liveUpdate(machine, instance)
  if (!update) return { machine, instance }
  // Written down first: a disk that came while the guest ran is at the same place after the next start.
  const placed = await writePlaces(machine, JSON.stringify(keptPlaces(machine, update.places)), context)
  return { machine: placed, instance: await context.objects(VirtualMachineInstance).patch(instance, livePatch(update)) }
}

function observe(machine: VirtualMachine, wanted: PersistentVolumeClaim[], context: Context): MachineView {
  const claims = context.objects(PersistentVolumeClaim)
  const { namespace } = machine.metadata
  return {
    machine,
    instance: context.objects(VirtualMachineInstance).get(keyOf(machine)),
    missingClaims: wanted.filter((claim) => !claims.get(keyOf(claim))),
    leftClaims: claimsToRemove(machine).filter((name) => {
      const claim = claims.get(`${namespace}/${name}`)
      return claim !== undefined && !claim.metadata.deletionTimestamp
    }),
    now: context.now(),
  }
}

/** A claim whose template asks for more than it did is to grow; its volume's agent does that. */
async function growClaims(templates: readonly PersistentVolumeClaim[], context: Context): Promise<void> {
  const claims = context.objects(PersistentVolumeClaim)
  for (const template of templates) {
    const claim = claims.get(keyOf(template))
    const storage = template.spec.resources?.requests?.['storage']
    const now = claim?.spec.resources?.requests?.['storage']
    if (!claim || claim.metadata.deletionTimestamp || !isQuantity(storage) || !isQuantity(now)) continue
    if (compareQuantities(storage, now) > 0)
      await claims.patch(claim, { spec: { resources: { requests: { storage } } } })
  }
}

/** The claims asked for; none when the annotation is wrong, which the machine's status tells of. */
function claimsIfValid(machine: VirtualMachine): PersistentVolumeClaim[] {
  try {
    return claimsOf(machine)
  } catch {
    return []
  }
}

/** Carry out a step. Gives the instance if one was made. */
async function act(
  machine: VirtualMachine,
  step: MachineStep,
  context: Context,
): Promise<VirtualMachineInstance | undefined> {
  const instances = context.objects(VirtualMachineInstance)
  const claims = context.objects(PersistentVolumeClaim)
  const { metadata } = machine
  switch (step.do) {
    case 'guard': {
      const finalizers = [...(metadata.finalizers ?? []), machineFinalizer]
      await context.objects(VirtualMachine).update({ ...machine, metadata: { ...metadata, finalizers } })
      return undefined
    }
    case 'create-claims':
      await Promise.all(step.claims.map((claim) => claims.ensure(claim)))
      return act(machine, step.next, context)
    case 'start': {
      const made = await instances.create(step.instance)
      context.events.record({ object: machine, reason: 'SuccessfulCreate', message: `Started ${metadata.name}.` })
      return made
    }
    case 'stop':
      await instances.delete(step.instance)
      context.events.record({ object: machine, reason: 'SuccessfulDelete', message: `Stopping ${metadata.name}.` })
      return undefined
    case 'delete-claims':
      for (const name of step.names) {
        const claim = claims.get(`${metadata.namespace}/${name}`)
        if (claim) await claims.delete(claim)
      }
      return act(machine, { do: 'release' }, context)
    case 'release':
      await context.objects(VirtualMachine).removeFinalizer(machine, machineFinalizer)
      return undefined
    default:
      return undefined
  }
}

async function writeStatus(
  machine: VirtualMachine,
  instance: VirtualMachineInstance | undefined,
  plan: Pick<ReturnType<typeof planMachine>, 'requests' | 'startFailure'>,
  context: Context,
): Promise<void> {
  const now = context.now()
  const ours = instance?.metadata.ownerReferences?.some(({ uid }) => uid === machine.metadata.uid)
  const taken = instance && !ours
  const trouble = taken
    ? {
        reason: 'NameTaken',
        message: `a VirtualMachineInstance ${machine.metadata.name} exists that is not of this machine; delete it or choose another name`,
      }
    : (instanceTrouble(instance) ?? volumeTrouble(machine, context))
  const retryAt = plan.startFailure?.retryAfterTimestamp
  const standing: Standing = {
    instance: ours ? instance : undefined,
    trouble: trouble?.reason === 'Provisioning' ? undefined : trouble,
    provisioning: trouble?.reason === 'Provisioning',
    backingOff: retryAt !== undefined && Date.parse(retryAt) > now.getTime(),
  }
  await show(machine, machineStatus(machine, standing, plan, now), context)
}

async function showInvalid(machine: VirtualMachine, message: string, context: Context): Promise<void> {
  const standing: Standing = {
    instance: undefined,
    trouble: { reason: 'DataVolumeError', message },
    provisioning: false,
    backingOff: false,
  }
  await show(machine, heldStatus(machine, standing, context.now()), context)
}

async function show(machine: VirtualMachine, status: VirtualMachine['status'], context: Context): Promise<void> {
  if (same(status, machine.status)) return
  await context.objects(VirtualMachine).updateStatus({ ...machine, status })
}

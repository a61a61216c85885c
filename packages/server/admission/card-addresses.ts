import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { FieldError } from '@thresher/api/error'
import { formatIpv4, parseIpv4 } from '@thresher/api/ipv4'
import { parseMac } from '@thresher/api/mac'
import type { KubeObject } from '@thresher/api/meta'
import { addressesAnnotation } from '@thresher/api/pod-network'
import type { AdmissionStep } from '@thresher/apiserver/admission'
import { concerns, type Lookup } from './request.ts'

/** The parts of a machine, or of its run, that say which addresses it has on the management network. */
interface Addressed {
  at: string
  annotations: Readonly<Record<string, string>> | undefined
  spec: VirtualMachineInstance['spec']
}

/**
 * An address, hardware or IPv4, that a machine's author chose belongs to one machine of the network: the switch would send
 * another's traffic to whoever took it. What OVN gave is looked at where OVN's database is, by the network's controller.
 */
export function cardAddresses(objects: () => Lookup): AdmissionStep {
  return {
    name: 'CardAddresses',
    validate(request) {
      const isMachine = concerns(request, VirtualMachine, 'CREATE', 'UPDATE')
      if (!isMachine && !concerns(request, VirtualMachineInstance, 'CREATE', 'UPDATE')) return
      const { object, oldObject } = request
      if (!object || object.metadata.deletionTimestamp) return
      const { errors, fields } = chosen(addressed(object, isMachine))
      const before = oldObject ? chosen(addressed(oldObject, isMachine)).fields : new Map<string, string>()
      const fresh = new Map([...fields].filter(([identity]) => !before.has(identity)))
      const wasWrong = oldObject && chosen(addressed(oldObject, isMachine)).errors.length > 0
      // A machine from before this rule can still be stopped, labelled and deleted.
      return [...(wasWrong ? [] : errors), ...(fresh.size === 0 ? [] : conflicts(fresh, object, objects()))]
    },
  }
}

/** The addresses that are new here and another's already. */
function conflicts(fresh: ReadonlyMap<string, string>, object: KubeObject, objects: Lookup): FieldError[] {
  const others = [
    ...[...objects.list<VirtualMachine>(VirtualMachine)].map((other) => ({ other, isMachine: true })),
    ...[...objects.list<VirtualMachineInstance>(VirtualMachineInstance)].map((other) => ({ other, isMachine: false })),
  ]
  return others.flatMap(({ other, isMachine }) => {
    const { namespace, name } = other.metadata
    const sameSpace = namespace === object.metadata.namespace
    // A machine and its run are one.
    if ((sameSpace && name === object.metadata.name) || other.metadata.deletionTimestamp) return []
    const holder = sameSpace ? `machine ${name}` : 'a machine in another namespace'
    return [...chosen(addressed(other, isMachine)).fields.keys()].flatMap((identity): FieldError[] => {
      const field = fresh.get(identity)
      if (field === undefined) return []
      return [{ field, message: `${identity} belongs to ${holder}; choose another`, reason: 'FieldValueDuplicate' }]
    })
  })
}

function addressed(object: KubeObject, isMachine: boolean): Addressed {
  if (!isMachine) {
    const { metadata, spec } = object as VirtualMachineInstance
    return { at: '', annotations: metadata.annotations, spec }
  }
  const { template } = (object as VirtualMachine).spec
  return { at: 'spec.template.', annotations: template.metadata?.annotations, spec: template.spec }
}

/** The addresses chosen for the management network in canonical form, by the field of each; and what is none. */
function chosen({ at, annotations, spec }: Addressed): { fields: Map<string, string>; errors: FieldError[] } {
  const fields = new Map<string, string>()
  const errors: FieldError[] = []
  const pods = new Set((spec.networks ?? []).filter((network) => network.pod).map((network) => network.name))
  for (const [index, card] of (spec.domain.devices.interfaces ?? []).entries()) {
    if (!card.macAddress || !pods.has(card.name)) continue
    try {
      fields.set(parseMac(card.macAddress), `${at}spec.domain.devices.interfaces[${index}].macAddress`)
    } catch {
      // The kind's own check says so.
    }
  }
  const field = `${at}metadata.annotations[${addressesAnnotation}]`
  for (const text of annotated(annotations?.[addressesAnnotation]))
    try {
      const address = formatIpv4(parseIpv4(text))
      if (fields.has(address)) errors.push({ field, message: `names ${address} for two interfaces; each has its own` })
      fields.set(address, field)
    } catch {
      errors.push({
        field,
        message: `${JSON.stringify(text)} is no IPv4 address such as 10.52.7.7 (four numbers without leading zeros, by interface: {"default": "10.52.7.7"})`,
      })
    }
  return { fields, errors }
}

/** The annotation's addresses; a text that is no JSON object stands for itself, as in the network's controller. */
function annotated(text: string | undefined): string[] {
  if (text === undefined) return []
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return Object.values(value).map(String)
  } catch {
    // No JSON.
  }
  return [text]
}

import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { FieldError } from '@thresher/api/error'
import { NetworkAttachmentDefinition } from '@thresher/api/cni/network-attachment-definition'
import { managementSwitch } from '@thresher/api/management-network'
import { formatIpv4, parseIpv4 } from '@thresher/api/ipv4'
import { parseMac } from '@thresher/api/mac'
import type { KubeObject } from '@thresher/api/meta'
import { addressesAnnotation } from '@thresher/api/pod-network'
import type { AdmissionStep } from '@thresher/apiserver/admission'
import { concerns, type Lookup } from './request.ts'

/** The parts of a machine, or of its run, that say which addresses it has on the management network. */
interface Addressed {
  namespace: string
  at: string
  annotations: Readonly<Record<string, string>> | undefined
  spec: VirtualMachineInstance['spec']
}

/**
 * An address that a machine's author chose belongs to one machine: a hardware address to one on each cluster network, an IPv4 address
 * to one on the management network. The switch would send another's traffic to whoever took it. What OVN gave is looked at where OVN's
 * database is, by the network's controller.
 */
export function cardAddresses(objects: () => Lookup): AdmissionStep {
  return {
    name: 'CardAddresses',
    validate(request) {
      const isMachine = concerns(request, VirtualMachine, 'CREATE', 'UPDATE')
      if (!isMachine && !concerns(request, VirtualMachineInstance, 'CREATE', 'UPDATE')) return
      const { object, oldObject } = request
      if (!object || object.metadata.deletionTimestamp) return
      const networkOf = networksBy(objects())
      const { errors, fields } = chosen(addressed(object, isMachine), networkOf)
      const before = oldObject ? chosen(addressed(oldObject, isMachine), networkOf).fields : new Map<string, Chosen>()
      const fresh = new Map([...fields].filter(([identity]) => !before.has(identity)))
      const wasWrong = oldObject && chosen(addressed(oldObject, isMachine), networkOf).errors.length > 0
      // A machine from before this rule can still be stopped, labelled and deleted.
      return [...(wasWrong ? [] : errors), ...(fresh.size === 0 ? [] : conflicts(fresh, object, objects()))]
    },
  }
}

/** The addresses that are new here and another's already. */
function conflicts(fresh: ReadonlyMap<string, Chosen>, object: KubeObject, objects: Lookup): FieldError[] {
  const networkOf = networksBy(objects)
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
    return [...chosen(addressed(other, isMachine), networkOf).fields.keys()].flatMap((identity): FieldError[] => {
      const mine = fresh.get(identity)
      if (mine === undefined) return []
      const { field, address, network } = mine
      const duplicate =
        network === undefined
          ? ''
          : `duplicate mac address present for vm ${object.metadata.name} for cluster network ${network}: `
      const message = `${duplicate}${address} belongs to ${holder}; choose another`
      return [{ field, message, reason: 'FieldValueDuplicate' }]
    })
  })
}

function addressed(object: KubeObject, isMachine: boolean): Addressed {
  const { namespace = '' } = object.metadata
  if (!isMachine) {
    const { metadata, spec } = object as VirtualMachineInstance
    return { namespace, at: '', annotations: metadata.annotations, spec }
  }
  const { template } = (object as VirtualMachine).spec
  return { namespace, at: 'spec.template.', annotations: template.metadata?.annotations, spec: template.spec }
}

/** The cluster network of a network by its name, for a machine of a namespace. */
type NetworkOf = (namespace: string, network: string) => string

const clusterNetworkLabel = 'network.harvesterhci.io/clusternetwork'

function networksBy(objects: Lookup): NetworkOf {
  return (namespace, network) => {
    const [first = '', second] = network.split('/')
    const place = second === undefined ? { namespace, name: first } : { namespace: first, name: second }
    const found = objects.get<NetworkAttachmentDefinition>(NetworkAttachmentDefinition, place.namespace, place.name)
    // One that is not there yet is a network of its own.
    return found?.metadata.labels?.[clusterNetworkLabel] ?? `${place.namespace}/${place.name}`
  }
}

/** An address that the author chose. */
interface Chosen {
  field: string
  address: string
  /** Of a hardware address. */
  network?: string
}

/** The chosen addresses in canonical form, by network and address; and what is none. */
function chosen(
  { namespace, at, annotations, spec }: Addressed,
  networkOf: NetworkOf,
): { fields: Map<string, Chosen>; errors: FieldError[] } {
  const fields = new Map<string, Chosen>()
  const errors: FieldError[] = []
  const networks = new Map(
    (spec.networks ?? []).flatMap(({ name, pod, multus }): [string, string][] =>
      pod ? [[name, managementSwitch]] : multus ? [[name, networkOf(namespace, multus.networkName)]] : [],
    ),
  )
  for (const [index, card] of (spec.domain.devices.interfaces ?? []).entries()) {
    const network = networks.get(card.name)
    if (!card.macAddress || network === undefined) continue
    try {
      const address = parseMac(card.macAddress)
      const field = `${at}spec.domain.devices.interfaces[${index}].macAddress`
      fields.set(`${network} ${address}`, { field, address, network })
    } catch {
      // The kind's own check says so.
    }
  }
  const field = `${at}metadata.annotations[${addressesAnnotation}]`
  for (const text of annotated(annotations?.[addressesAnnotation]))
    try {
      const address = formatIpv4(parseIpv4(text))
      if (fields.has(address)) errors.push({ field, message: `names ${address} for two interfaces; each has its own` })
      fields.set(address, { field, address })
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

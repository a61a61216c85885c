import type { Service } from '@thresher/api/core/service'
import type { FieldError } from '@thresher/api/error'
import { formatIpv4, parseIpv4, parseSubnet, sizeOf } from '@thresher/api/ipv4'

/** Where Services get their addresses from. */
export const serviceSubnet = parseSubnet('10.53.0.0/16')
/** Ports of nodes for Services, first and last. */
export const nodePorts = { first: 30_000, last: 32_767 } as const
/** Belongs to the Service `kubernetes`. */
export const apiAddress = formatIpv4(serviceSubnet.first + 1)
/** The lowest addresses are given only to who names them, as long as there are others. */
const named = 256

type Spec = NonNullable<Service['spec']>
type Port = NonNullable<Spec['ports']>[number]

/** What only one Service can have, by the field that says so: an address, or a node's port of one protocol. */
export function taken({ spec }: { spec?: Spec }): Map<string, string> {
  const found = new Map<string, string>()
  if (!spec || spec.type === 'ExternalName') return found
  if (spec.clusterIP && spec.clusterIP !== 'None') found.set(spec.clusterIP, 'spec.clusterIP')
  for (const [index, port] of (spec.ports ?? []).entries())
    if (port.nodePort) found.set(portKey(port, port.nodePort), `spec.ports[${index}].nodePort`)
  return found
}

const portKey = ({ protocol = 'TCP' }: Pick<Port, 'protocol'>, nodePort: number) => `${nodePort}/${protocol}`
const hasNodePorts = ({ type, allocateLoadBalancerNodePorts: gives }: Spec) =>
  type === 'NodePort' || (type === 'LoadBalancer' && gives !== false)

/**
 * Give a Service what it does not have yet, in place.
 *
 * What it had is kept when an update leaves it out, and goes when the Service becomes of a type that has none.
 *
 * @param isFree whether nobody has an address or port. @param random from 0 to 1
 */
export function allocate(spec: Spec, before: Spec | undefined, isFree: (key: string) => boolean, random: () => number) {
  if (spec.type === 'ExternalName') return dropAddress(spec, before)
  if (before && before.type !== 'ExternalName') spec.clusterIP ||= before.clusterIP
  spec.clusterIP ||= freeAddress(isFree, random)
  if (!spec.clusterIP) return
  if (!spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP]
  spec.ipFamilyPolicy ??= 'SingleStack'
  if (!spec.ipFamilies?.length) spec.ipFamilies = ['IPv4']
  allocatePorts(spec, before, isFree, random)
}

function dropAddress(spec: Spec, before: Spec | undefined): void {
  if (!before || before.type === 'ExternalName' || spec.clusterIP !== before.clusterIP) return
  for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy', 'internalTrafficPolicy'] as const)
    delete spec[field]
}

function allocatePorts(
  spec: Spec,
  before: Spec | undefined,
  isFree: (key: string) => boolean,
  random: () => number,
): void {
  const previous = new Map(before?.ports?.map((port) => [portKey(port, port.port), port]))
  const had = (port: Port) => previous.get(portKey(port, port.port))
  const ports = spec.ports ?? []
  if (spec.type === 'ClusterIP') {
    for (const port of ports) if (port.nodePort && port.nodePort === had(port)?.nodePort) delete port.nodePort
  }
  if (!hasNodePorts(spec)) return
  for (const port of ports) port.nodePort ||= had(port)?.nodePort
  const own = new Set(taken({ spec }).keys())
  for (const port of ports) {
    if (port.nodePort) continue
    const { first, last } = nodePorts
    const number = pick(first, last, (one) => !own.has(portKey(port, one)) && isFree(portKey(port, one)), random)
    // One is refused for want of a port: to look for the others' would take long.
    if (number === undefined) return
    port.nodePort = number
    own.add(portKey(port, number))
  }
}

function freeAddress(isFree: (key: string) => boolean, random: () => number): string | undefined {
  const { first } = serviceSubnet
  const last = first + sizeOf(serviceSubnet) - 2
  const free = (address: number) => isFree(formatIpv4(address))
  const address = pick(first + named, last, free, random) ?? pick(first + 2, first + named - 1, free, random)
  return address === undefined ? undefined : formatIpv4(address)
}

/** One that is free, from a place that chance gives onwards, so that two servers seldom pick the same. */
function pick(first: number, last: number, isFree: (one: number) => boolean, random: () => number): number | undefined {
  const count = last - first + 1
  const start = Math.floor(random() * count)
  for (let step = 0; step < count; step += 1) {
    const one = first + ((start + step) % count)
    if (isFree(one)) return one
  }
  return undefined
}

/** What is wrong with what a Service has, without a look at others. */
export function checkAllocation({ metadata, spec }: Service): FieldError[] {
  if (spec.type === 'ExternalName') {
    if (!spec.clusterIP) return []
    return [{ field: 'spec.clusterIP', message: 'leave it out for an ExternalName', reason: 'FieldValueForbidden' }]
  }
  const errors = checkAddress(spec, metadata.namespace === 'default' && metadata.name === 'kubernetes')
  const seen = new Set<string>()
  for (const [index, port] of (spec.ports ?? []).entries()) {
    const field = `spec.ports[${index}].nodePort`
    const { nodePort } = port
    if (!nodePort) {
      if (!hasNodePorts(spec)) continue
      errors.push({ field, message: 'no port of the range is free; delete another Service' })
      break
    }
    if (nodePort < nodePorts.first || nodePort > nodePorts.last)
      errors.push({ field, message: `must be in the range ${nodePorts.first}-${nodePorts.last}, or left out` })
    if (seen.has(portKey(port, nodePort)))
      errors.push({ field, message: 'is there twice', reason: 'FieldValueDuplicate' })
    seen.add(portKey(port, nodePort))
  }
  return errors
}

function checkAddress(spec: Spec, isApi: boolean): FieldError[] {
  const { clusterIP, clusterIPs = [], ipFamilies = [], ipFamilyPolicy } = spec
  const field = 'spec.clusterIP'
  if (!clusterIP) return [{ field, message: 'no address of 10.53.0.0/16 is free; delete another Service' }]
  if (clusterIPs.length !== 1 || clusterIPs[0] !== clusterIP)
    return [{ field: 'spec.clusterIPs', message: `must be ["${clusterIP}"], the same as clusterIP` }]
  if (ipFamilyPolicy === 'RequireDualStack' || ipFamilies.length !== 1 || ipFamilies[0] !== 'IPv4')
    return [{ field: 'spec.ipFamilies', message: 'this cluster gives Services IPv4 addresses only; leave it out' }]
  if (clusterIP === 'None') return []
  if (!isHostOfSubnet(clusterIP))
    return [{ field, message: 'must be a host address of 10.53.0.0/16, None, or left out' }]
  if (clusterIP === apiAddress && !isApi)
    return [{ field, message: `${apiAddress} belongs to the Service kubernetes; choose another` }]
  return []
}

function isHostOfSubnet(text: string): boolean {
  try {
    const offset = parseIpv4(text) - serviceSubnet.first
    return offset > 0 && offset < sizeOf(serviceSubnet) - 1
  } catch {
    return false
  }
}

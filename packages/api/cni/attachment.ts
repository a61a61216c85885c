import { Type } from '../type.ts'
import { matches } from '../matches.ts'

/** VLANs from one number to another, both included. */
export interface VlanRange {
  min: number
  max: number
}

/** How a NetworkAttachmentDefinition connects guests, read from CNI's configuration. */
export type Attachment =
  /** One VLAN of a cluster network; the guest sends and gets frames without a tag. */
  | { kind: 'vlan'; clusterNetwork: string; vlan: number }
  /** What is on a cluster network's wire without a tag. */
  | { kind: 'untagged'; clusterNetwork: string }
  /** Frames with the guest's own tags, of these VLANs alone. */
  | { kind: 'trunk'; clusterNetwork: string; ranges: VlanRange[] }
  /** A layer 2 of its own between the hosts, over their tunnels. */
  | { kind: 'overlay' }

/** Labels of a NetworkAttachmentDefinition, as Harvester's clients read and write them. */
export const attachmentLabels = {
  clusterNetwork: 'network.harvesterhci.io/clusternetwork',
  type: 'network.harvesterhci.io/type',
  vlan: 'network.harvesterhci.io/vlan-id',
  ready: 'network.harvesterhci.io/ready',
} as const

/** The label {@link attachmentLabels.type} of each kind. */
export const attachmentTypes = {
  vlan: 'L2VlanNetwork',
  untagged: 'UntaggedNetwork',
  trunk: 'L2VlanTrunkNetwork',
  overlay: 'OverlayNetwork',
} as const satisfies Record<Attachment['kind'], string>

/** The bridge of a cluster network on its hosts. @see Harvester, whose configurations name it so */
export function uplinkBridge(clusterNetwork: string): string {
  return `${clusterNetwork}${bridgeSuffix}`
}

const bridgeSuffix = '-br'
const lastVlan = 4094

const Config = Type.Object({
  type: Type.Optional(Type.String()),
  bridge: Type.Optional(Type.String()),
  vlan: Type.Optional(Type.Integer()),
  vlanTrunk: Type.Optional(
    Type.Array(
      Type.Object({
        minID: Type.Optional(Type.Integer()),
        maxID: Type.Optional(Type.Integer()),
        id: Type.Optional(Type.Integer()),
      }),
    ),
  ),
})

/** Read CNI's configuration, as far as guests are connected by it. @returns why it cannot be, as an ending of "the configuration …" */
export function readAttachment(config: string): Attachment | { problem: string } {
  let value: unknown
  try {
    value = JSON.parse(config)
  } catch {
    return { problem: "must be CNI's JSON object" }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { problem: "must be CNI's JSON object" }
  if (!matches(Config, value))
    return { problem: 'has a field of another type: type and bridge are texts, vlan is a number, vlanTrunk a list' }
  if (value.type === 'kube-ovn') return { kind: 'overlay' }
  if (value.type !== 'bridge')
    return { problem: `has the type ${JSON.stringify(value.type ?? '')}; use bridge, or kube-ovn for an overlay` }
  const { bridge = '', vlan = 0, vlanTrunk = [] } = value
  if (!bridge.endsWith(bridgeSuffix) || bridge === bridgeSuffix)
    return { problem: `has the bridge ${JSON.stringify(bridge)}; it is <cluster network>${bridgeSuffix}` }
  const clusterNetwork = bridge.slice(0, -bridgeSuffix.length)
  if (vlanTrunk.length > 0) return readTrunk(clusterNetwork, vlan, vlanTrunk)
  if (vlan === 0) return { kind: 'untagged', clusterNetwork }
  if (!isVlan(vlan)) return { problem: `has vlan ${vlan}; it must be from 1 to ${lastVlan}, or 0 for none` }
  return { kind: 'vlan', clusterNetwork, vlan }
}

function readTrunk(
  clusterNetwork: string,
  vlan: number,
  written: readonly { minID?: number; maxID?: number; id?: number }[],
): Attachment | { problem: string } {
  if (vlan !== 0) return { problem: 'has both vlan and vlanTrunk; give one of them' }
  const ranges: VlanRange[] = []
  for (const { minID, maxID, id } of written) {
    const [min, max] = [minID ?? id, maxID ?? id]
    if (min === undefined || max === undefined || !isVlan(min) || !isVlan(max) || min > max)
      return { problem: `has a trunk of ${min ?? '?'} to ${max ?? '?'}; both must be from 1 to ${lastVlan}, in order` }
    ranges.push({ min, max })
  }
  return { kind: 'trunk', clusterNetwork, ranges: mergeRanges(ranges) }
}

/** Ranges in order, those that touch as one, so that equal sets are equal values. */
function mergeRanges(ranges: readonly VlanRange[]): VlanRange[] {
  const merged: VlanRange[] = []
  for (const { min, max } of ranges.toSorted((a, b) => a.min - b.min)) {
    const last = merged.at(-1)
    if (last && min <= last.max + 1) last.max = Math.max(last.max, max)
    else merged.push({ min, max })
  }
  return merged
}

function isVlan(number: number): boolean {
  return number >= 1 && number <= lastVlan
}

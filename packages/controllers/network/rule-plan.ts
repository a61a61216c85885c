import { managementGatewayPort, managementSwitch } from '@thresher/api/management-network'
import type { Operation } from '@thresher/ovsdb/schema'
import type { VlanRange } from '@thresher/api/cni/attachment'
import { attach, detach, northbound as nb, switchRules, type NorthboundRow } from './northbound.ts'
import { guestIds, portName, type Guest, type Nic } from './port-plan.ts'

type RuleRow = NorthboundRow<'ACL'>
/** A rule, and the switch that it stands on: a part of its identity, since a switch that goes takes its rules along. */
type Rule = Omit<RuleRow, '_uuid'>

/** What no list can open comes first, then a listed port, then the drop of all else. */
const priorities = { never: 1100, listed: 1002, rest: 1001 }

/**
 * Any rule lets OVN track the connections of the whole switch, and the tracker takes DNS questions that passed OVN's own look
 * for broken: they lack the sum that guests leave to their NIC (Open vSwitch 3.1). So they go by it.
 */
const questions = `outport == "${managementGatewayPort}" && ip4 && udp.dst == 53`

/**
 * The operations that let only a NIC's listed ports be reached, and take rules away that are not to be. Replies, and with
 * them all that the guest begins itself, pass: OVN tracks connections wherever a rule is `allow-related`. @see ovn-nb(5), ACL
 */
export function planRules(guest: Guest, nics: readonly Nic[], existing: readonly RuleRow[]): Operation[] {
  const wanted = nics.flatMap((nic) => rulesOf(guest, nic))
  const isSame = (one: Rule, other: Rule) => identityOf(one) === identityOf(other)
  const kept = wanted.flatMap((rule) => existing.find((row) => isSame(row, rule)) ?? [])
  return [
    ...existing.filter((row) => !kept.includes(row)).map((row) => detach(row._uuid, switchRules)),
    ...wanted.flatMap((rule, index) => {
      const as = `rule${index}`
      if (kept.some((row) => isSame(row, rule))) return []
      return [nb.insert('ACL', rule, as), attach(as, switchRules, rule.external_ids['network'] ?? managementSwitch)]
    }),
  ]
}

function rulesOf(guest: Guest, nic: Nic): Rule[] {
  return [...trunkRules(guest, nic), ...listRules(guest, nic)]
}

/** On a trunk only frames with a listed tag pass, in both directions. */
function trunkRules(guest: Guest, { name, network, ranges }: Nic): Rule[] {
  if (!ranges) return []
  const allowed = ranges.map(({ min, max }: VlanRange) => `(vlan.vid >= ${min} && vlan.vid <= ${max})`).join(' || ')
  const port = JSON.stringify(portName(guest, name))
  const external_ids = { ...guestIds(guest, name), network: network.id }
  const drop = { action: 'drop', priority: priorities.never, external_ids }
  return (['from-lport', 'to-lport'] as const).map((direction) => {
    const side = direction === 'from-lport' ? 'inport' : 'outport'
    return { direction, match: `${side} == ${port} && !(vlan.present && (${allowed}))`, ...drop }
  })
}

/** None where no ports are listed: the NIC is open then. */
function listRules(guest: Guest, { name, network, ports = [] }: Nic): Rule[] {
  if (ports.length === 0) return []
  const toGuest = `outport == ${JSON.stringify(portName(guest, name))} && ip4`
  const listed = (['tcp', 'udp'] as const).flatMap((protocol) => {
    const numbers = ports.filter((port) => (port.protocol ?? 'TCP').toLowerCase() === protocol).map(({ port }) => port)
    const set = [...new Set(numbers)].toSorted((a, b) => a - b).join(', ')
    return set === '' ? [] : [`${toGuest} && ${protocol}.dst == {${set}}`]
  })
  const rule = (match: string, action: string, priority: number): Rule => ({
    direction: 'to-lport',
    match,
    action,
    priority,
    external_ids: { ...guestIds(guest, name), network: network.id },
  })
  return [
    ...listed.map((match) => rule(match, 'allow-related', priorities.listed)),
    // IPv6 has no addresses here, but a link-local one would be a way around the list.
    rule(toGuest.replace(/ip4$/, 'ip'), 'drop', priorities.rest),
    ...(network.id === managementSwitch ? [rule(questions, 'allow-stateless', priorities.listed)] : []),
  ]
}

function identityOf({ direction, match, action, priority, external_ids }: Rule): string {
  return JSON.stringify([direction, match, action, priority, external_ids['network'] ?? managementSwitch])
}

import { managementGatewayPort } from '@thresher/api/management-network'
import type { Operation } from '@thresher/ovsdb/schema'
import { northbound as nb, type NorthboundRow } from './northbound.ts'
import { portIds, portName, type Guest, type Nic } from './port-plan.ts'
import { attach, detach } from './switch-plan.ts'

type RuleRow = NorthboundRow<'ACL'>
type Rule = Omit<RuleRow, '_uuid'>

/** A listed port comes before the drop of all else. */
const priorities = { listed: 1002, rest: 1001 }

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
    ...existing.filter((row) => !kept.includes(row)).map((row) => detach(row._uuid, 'acls')),
    ...wanted.flatMap((rule, index) => {
      const as = `rule${index}`
      return kept.some((row) => isSame(row, rule)) ? [] : [nb.insert('ACL', rule, as), attach(as, 'acls')]
    }),
  ]
}

/** None where no ports are listed: the NIC is open then. */
function rulesOf(guest: Guest, { name, ports = [] }: Nic): Rule[] {
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
    external_ids: portIds(guest, name),
  })
  return [
    ...listed.map((match) => rule(match, 'allow-related', priorities.listed)),
    // IPv6 has no addresses here, but a link-local one would be a way around the list.
    rule(toGuest.replace(/ip4$/, 'ip'), 'drop', priorities.rest),
    rule(questions, 'allow-stateless', priorities.listed),
  ]
}

function identityOf({ direction, match, action, priority }: Rule): string {
  return JSON.stringify([direction, match, action, priority])
}

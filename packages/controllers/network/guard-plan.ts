import type { Operation } from '@thresher/ovsdb/schema'
import { attach, detach, groupRules, mark, northbound as nb, type NorthboundRow } from './northbound.ts'

/** The group of all guests' ports, of every network, that may not pass for a server or router of their network. */
export const guardGroup = 'thresher_guests'

type RuleRow = NorthboundRow<'ACL'>

/** No list of ports opens what stands here. */
const priority = 1200

/** What a guest would say to become others' DHCP server or router. @see RFC 2131, RFC 8415, RFC 4861 */
const impostures = ['ip4 && udp.src == 67', 'ip6 && udp.src == 547', 'icmp6.type == 134 && icmp6.code == 0']

/** The operations that make the group with its rules, or correct them. Its members are put in with their ports. */
export function planGuards(group: NorthboundRow<'Port_Group'> | undefined, existing: readonly RuleRow[]): Operation[] {
  const external_ids = { [mark]: 'guard' }
  const wanted = impostures.map((what) => `inport == @${guardGroup} && ${what}`)
  const isGood = (row: RuleRow, match: string) =>
    row.match === match && row.action === 'drop' && row.priority === priority && row.direction === 'from-lport'
  const stray = existing.filter((row) => !wanted.some((match) => isGood(row, match)))
  return [
    ...(group ? [] : [nb.insert('Port_Group', { name: guardGroup, external_ids })]),
    ...stray.map((row) => detach(row._uuid, groupRules)),
    ...wanted.flatMap((match, index) => {
      // Rules of a group that is gone went with it.
      if (group && existing.some((row) => isGood(row, match))) return []
      const rule = { direction: 'from-lport', match, action: 'drop', priority, external_ids }
      const as = `guard${index}`
      return [nb.insert('ACL', rule, as), attach(as, groupRules, guardGroup)]
    }),
  ]
}

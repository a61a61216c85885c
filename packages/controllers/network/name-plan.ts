import { managementSwitch, type ManagementNetwork } from '@thresher/api/management-network'
import type { Operation } from '@thresher/ovsdb/schema'
import { northbound as nb, type NorthboundRow } from './northbound.ts'
import { addressOf, networkOf, ownerOf } from './port-plan.ts'

/** Short names that programs look for by themselves, and then obey what answers. @see MS-DNS, GlobalQueryBlockList */
const obeyed = new Set(['wpad', 'isatap', 'localhost'])

/**
 * The names that guests find each other by: `<vm>.<namespace>` and `<vm>` in the network's domain, and the way back from the
 * address. A short name that several namespaces have belongs to the guest in `default`, else to nobody.
 *
 * Nothing stands outside the domain, where a guest called `deb.debian.org` would be taken for it by all others; and a name
 * with dots has no short form, where `web.lab` would be taken for `web` of the namespace `lab`.
 */
export function guestNames(
  ports: Iterable<NorthboundRow<'Logical_Switch_Port'>>,
  network: ManagementNetwork,
): Record<string, string> {
  const byName = new Map<string, Map<string, string[]>>()
  for (const port of ports) {
    const owner = ownerOf(port)
    const address = addressOf(port)
    if (!owner || !address || networkOf(port) !== managementSwitch) continue
    const spaces = byName.get(owner.name) ?? new Map<string, string[]>()
    byName.set(owner.name, spaces)
    spaces.set(owner.namespace, [...(spaces.get(owner.namespace) ?? []), address])
  }
  const records: Record<string, string> = {}
  const add = (name: string, addresses: string[]) => {
    const text = addresses.toSorted().join(' ')
    records[`${name}.${network.domain}`] ??= text
  }
  for (const [name, spaces] of byName)
    for (const [namespace, addresses] of spaces) {
      add(`${name}.${namespace}`, addresses)
      for (const address of addresses)
        records[`${address.split('.').toReversed().join('.')}.in-addr.arpa`] = `${name}.${namespace}.${network.domain}`
    }
  for (const [name, spaces] of byName) {
    const owner = spaces.get('default') ?? (spaces.size === 1 ? [...spaces.values()][0] : undefined)
    if (owner && !name.includes('.') && !obeyed.has(name)) add(name, owner)
  }
  return records
}

/** The operations that bring the records in, telling only what is different. */
export function planNames(row: NorthboundRow<'DNS'>, wanted: Record<string, string>): Operation[] {
  const stale = Object.keys(row.records).filter((name) => row.records[name] !== wanted[name])
  const fresh = Object.entries(wanted).filter(([name, value]) => row.records[name] !== value)
  if (stale.length === 0 && fresh.length === 0) return []
  const records = { delete: stale, insert: Object.fromEntries(fresh) }
  return [nb.mutate('DNS', { _uuid: row._uuid }, { records })]
}

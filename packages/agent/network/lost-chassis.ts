import { string } from '@thresher/ovsdb/column'
import { Database } from '@thresher/ovsdb/database'
import { defineDatabase, type Operation } from '@thresher/ovsdb/schema'

/** What is used of OVN's southbound database. @see ovn-sb(5) */
const southbound = defineDatabase('OVN_Southbound', { Chassis: { name: string }, Chassis_Private: { name: string } })

/** The operations that remove the hosts which are no longer the cluster's; tunnels to them go with their rows. Pure. */
export function planChassisRemoval(found: Iterable<string>, isNode: (name: string) => boolean): Operation[] {
  return [...new Set(found)]
    .filter((name) => !isNode(name))
    .flatMap((name) => [southbound.delete('Chassis', { name }), southbound.delete('Chassis_Private', { name })])
}

/**
 * Remove from the southbound database what hosts have left that are gone. OVN never does so by itself, since a host may come back; and
 * while they are there, no other host may have their tunnels' addresses.
 *
 * @param socket of the database's server
 */
export async function removeLostChassis(
  socket: string,
  isNode: (name: string) => boolean,
  signal: AbortSignal,
): Promise<void> {
  await using database = new Database({ schema: southbound, endpoints: [`unix:${socket}`] })
  await database.ready(signal)
  const rows = [...database.rows('Chassis').values(), ...database.rows('Chassis_Private').values()]
  const names = rows.map(({ name }) => name)
  await database.transact(planChassisRemoval(names, isNode), signal)
}

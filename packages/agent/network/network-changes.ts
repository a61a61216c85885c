import { watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Database } from '@thresher/ovsdb/database'
import type { Commands } from './commands.ts'
import { followOutput } from './follow-output.ts'
import type { Names } from './names.ts'
import type { SwitchTables } from './switch-database.ts'

export interface ChangeSources {
  commands: Commands
  names: Names
  runDir: string
  database: Database<SwitchTables>
  /** Called for each change that may concern us. */
  changed: () => void
  signal: AbortSignal
}

/** What of the host reports changes by itself, as programs whose every line is one. @see nft(8) monitor, ip-monitor(8) */
const monitors = [
  ['nft', 'monitor'],
  ['ip', '-oneline', 'monitor', 'link', 'address', 'netconf'],
] as const

/** Report, until the signal aborts, what the kernel, the switch's database and the run folder say of changes. */
export function reportChanges({ commands, names, runDir, database, changed, signal }: ChangeSources): void {
  const ours = [names.table, names.gateway, names.bridge, names.tapPrefix]
  const onLine = (line: string): void => {
    if (ours.some((name) => line.includes(name)) || line.includes('forwarding')) changed()
  }
  for (const monitor of monitors) void followOutput(commands, monitor, { onStart: changed, onLine, signal })
  const stop = [database.onChange(changed), database.onConnection(changed), watchFolder(runDir, changed)]
  signal.addEventListener('abort', () => stop.forEach((end) => end()), { once: true })
}

/** Report names that come and go in a folder, and that the folder itself does. @returns how to stop it */
function watchFolder(folder: string, changed: () => void): () => void {
  const above = watch(dirname(folder), { persistent: false }, (_event, name) => {
    if (name !== basename(folder)) return
    changed()
    renew()
  })
  let inside: ReturnType<typeof watch> | undefined
  const renew = (): void => {
    inside?.close()
    try {
      inside = watch(folder, { persistent: false }, changed)
      inside.on('error', () => {})
    } catch {
      // It comes back with what is put back.
    }
  }
  above.on('error', () => {})
  renew()
  return () => {
    above.close()
    inside?.close()
  }
}

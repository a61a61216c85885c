import { chownSync, existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { defaultGuestUids } from '@thresher/agent/guest-uids'
import type { Command } from '../command.ts'
import { nodeBinary, requireRoot, stopProgram } from '../host/installation.ts'
import { lockInstallation } from '../host/lock.ts'
import { run } from '../host/run.ts'
import { readSettings } from '../host/settings.ts'
import { stopUnit, systemdRuns } from '../host/unit.ts'
import { Progress } from '../output/progress.ts'
import { filesOf, type Paths } from '../paths.ts'
import { UserError } from '../user-error.ts'

/** `thresher down`: everything stopped; the data stays unless it is to be purged. */
export const down: Command = {
  path: ['down'],
  summary: 'Stop every virtual machine, the network, the agent and the server of this host',
  options: [{ flags: '--purge', description: 'remove the data as well: disks, images, keys, all objects' }],
  examples: ['thresher down', 'thresher down --purge'],
  async run({ paths }, _args, options) {
    requireRoot('thresher down')
    const files = filesOf(paths)
    const progress = new Progress()
    // Without its folder an installation may still have programs that run.
    using lock = existsSync(paths.dataDir) ? lockInstallation(paths, 'thresher down') : undefined
    void lock
    if (systemdRuns()) await stopUnit(paths)
    await stopProgram(paths, 'supervisor')
    await progress.step('Stop the agent', async () => ((await stopProgram(paths, 'agent')) ? '' : 'was not running'))
    await progress.step('Stop virtual machines and network', async () => {
      const cleared = await run(
        nodeBinary(paths.app),
        [
          '--disable-warning=ExperimentalWarning',
          join(paths.app, 'packages/agent/main.ts'),
          '--down',
          '--data-dir',
          files.agentData,
          '--run-dir',
          paths.runDir,
          '--guest-uids',
          guestUidsOf(paths),
        ],
        { timeoutMs: 180_000 },
      )
      if (cleared.code !== 0)
        throw new UserError(`the host could not be cleared: ${cleared.stderr.trim().split('\n').at(-1)}`)
      return cleared.stdout.trim()
    })
    await progress.step('Stop the server', async () => ((await stopProgram(paths, 'server')) ? '' : 'was not running'))
    if (existsSync(join(files.appMount, 'package.json'))) await run('umount', [files.appMount])
    for (const folder of [files.appMount, dirname(files.appMount)]) if (existsSync(folder)) rmdirSync(folder)
    if (options['purge'] === true) {
      // Whoever still runs as the server's user cannot exchange folders while they are removed.
      if (existsSync(files.serverData)) chownSync(files.serverData, 0, 0)
      for (const folder of [paths.dataDir, paths.runDir]) purge(folder)
      console.log(
        `Removed ${paths.dataDir} and ${paths.runDir}. Debian packages and the users thresher, thresher-qemu stay.`,
      )
    } else if (existsSync(paths.dataDir)) {
      const kept = readdirSync(paths.dataDir).sort().join(', ')
      console.log(`Kept ${paths.dataDir} (${kept}); thresher up goes on with it, thresher down --purge removes it.`)
    }
  },
}

/** By their users guests' QEMUs are known. What stops them does not fail for settings that cannot be read. */
function guestUidsOf(paths: Paths): string {
  try {
    return readSettings(paths).guestUids
  } catch {
    return defaultGuestUids
  }
}

/** Remove a folder with all in it. One that is mounted stays, empty: that it is there is not our doing. */
function purge(folder: string): void {
  if (!existsSync(folder)) return
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true, force: true })
  try {
    rmdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error
  }
}

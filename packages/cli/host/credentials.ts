import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { readOwnedBy } from '@thresher/client/node/trusted-file'
import { firstAdministratorFile, readyFile } from '@thresher/server/bootstrap'
import { keepHandover, parseFirstAdministrator, takeOver } from '@thresher/server/handover'
import { filesOf, type Paths } from '../paths.ts'
import type { Settings } from './settings.ts'

/** Certificates and keys are a few KiB. */
const longestPem = 64 * 1024

/**
 * Take the administrator's and the agent's credentials over from the server's folder, see {@link takeOver}.
 *
 * @param owner the user that the server runs as; files of anybody else are refused
 * @returns whether any of them changed
 */
export async function takeCredentials(paths: Paths, settings: Settings, owner: number): Promise<boolean> {
  const files = filesOf(paths)
  const handover = takeOver((file) => readOwnedBy(owner, join(files.serverBootstrap, file), longestPem), {
    server: apiUrl(settings.listen),
    nodeName: settings.nodeName,
  })
  return keepHandover(handover, { admin: files.adminKubeconfig, agentFolder: files.agentData })
}

/** The password made at install, if nobody was shown it yet; from now on it counts as shown. */
export function takeFirstAdministrator(paths: Paths, owner: number): { name: string; password: string } | undefined {
  const file = join(filesOf(paths).serverBootstrap, firstAdministratorFile)
  const text = ifThere(() => readOwnedBy(owner, file, 4096))
  if (text === undefined) return undefined
  rmSync(file)
  return parseFirstAdministrator(text)
}

/** The pid of the server that last became ready. */
export function readyServer(paths: Paths, owner: number): number | undefined {
  const text = ifThere(() => readOwnedBy(owner, join(filesOf(paths).serverBootstrap, readyFile), 32))
  return text === undefined ? undefined : Number(text)
}

/** Where this host's programs reach a server that listens on `address:port`. */
export function apiUrl(listen: string): string {
  return `https://${listen.replace(/^(0\.0\.0\.0|\[::\]|::):/, '127.0.0.1:')}`
}

function ifThere<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

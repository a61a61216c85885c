import { createHash, X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { writePrivateFile } from '@thresher/apiserver/pki/private-file'

const memoryFile = 'cluster'

/** A cluster's name for itself: the SHA-256 fingerprint of its authority's key, in hexadecimal. */
export function clusterOf(caPem: string): string {
  const key = new X509Certificate(caPem).publicKey
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}

/**
 * Refuse to begin a new cluster where there was one: an installation that has been up knows that it had a store, and which.
 * To be called before anything is made in the folder.
 *
 * @param dataDir the server's own folder; @param expected the cluster as root remembers it, for a folder that is lost as a whole
 * @throws {Error} naming what is missing, the newest backup, and what to do
 */
export function requireKnownStore(dataDir: string, expected: string | undefined): void {
  const cluster = readIfThere(join(dataDir, memoryFile))?.trim() ?? expected
  if (cluster === undefined) return
  const store = join(dataDir, 'store.db')
  const authority = readIfThere(join(dataDir, 'pki', 'ca.crt'))
  const size = statSync(store, { throwIfNoEntry: false })?.size
  const lost =
    authority === undefined
      ? `${join(dataDir, 'pki')} is gone`
      : clusterOf(authority) !== cluster
        ? `${join(dataDir, 'pki')} is of another cluster`
        : size === undefined
          ? `${store} is gone`
          : size === 0
            ? `${store} is empty`
            : undefined
  if (lost === undefined) return
  const remedy =
    authority === undefined || clusterOf(authority) !== cluster
      ? `bring ${dataDir} back from a backup`
      : `bring it back with: thresher restore ${newestBackup(dataDir) ?? '<your last backup>'}`
  throw new Error(
    `${lost}, but this installation held cluster ${cluster.slice(0, 12)}, whose virtual machines may run; ${remedy}. To give all of it up: thresher down --purge`,
  )
}

/** Remember from now on that there is a store, and of which cluster. */
export async function rememberStore(dataDir: string, cluster: string): Promise<void> {
  if (readIfThere(join(dataDir, memoryFile))?.trim() === cluster) return
  await writePrivateFile(join(dataDir, memoryFile), `${cluster}\n`)
}

function newestBackup(dataDir: string): string | undefined {
  const folder = join(dataDir, 'backups')
  try {
    const found = readdirSync(folder).map((name) => ({ name, at: statSync(join(folder, name)).mtimeMs }))
    const newest = found.toSorted((one, other) => other.at - one.at)[0]
    return newest && join(folder, newest.name)
  } catch {
    return undefined
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { readTrusted } from '@thresher/client/node/trusted-file'

/** What the agent serves with: the cluster's CA, and this node's certificate and key; PEM. */
export interface ServingCertificate {
  ca: string
  cert: string
  key: string
}

/** Read it from the agent's own folder. @throws {Error} when key and certificate do not belong together, as between two writes */
export function readServingCertificate(folder: string): ServingCertificate {
  const file = (name: string): string => readTrusted(join(folder, name))
  const found = { ca: file('ca.crt'), cert: file('agent.crt'), key: file('agent.key') }
  if (!new X509Certificate(found.cert).checkPrivateKey(createPrivateKey(found.key)))
    throw new Error(`${join(folder, 'agent.key')} is not the key of ${join(folder, 'agent.crt')}`)
  return found
}

/**
 * Look once in a while whether the files hold a renewed certificate, so that an agent that runs for years does not end with its
 * own.
 *
 * @returns stops it
 */
export function followServingCertificate(options: {
  folder: string
  current: ServingCertificate
  onRenewed: (certificate: ServingCertificate) => void
  onError: (error: unknown) => void
  everyMs?: number
}): () => void {
  let { current } = options
  const look = (): void => {
    try {
      const found = readServingCertificate(options.folder)
      if (found.cert === current.cert && found.ca === current.ca) return
      options.onRenewed(found)
      current = found
    } catch (error) {
      options.onError(error)
    }
  }
  const timer = setInterval(look, options.everyMs ?? 60_000).unref()
  return () => clearInterval(timer)
}

import { X509Certificate } from 'node:crypto'
import { Client } from '@thresher/client/client'
import { httpsTransport } from '@thresher/client/node/https-transport'
import { loadOwnKubeconfig } from '@thresher/client/node/kubeconfig'
import { keepMembership } from './join.ts'
import { requestCertificate } from './node-certificates.ts'

const dayMs = 24 * 3600 * 1000

/** What is renewed, and when. */
export interface RenewalOptions {
  /** The agent's own folder. */
  folder: string
  kubeconfig: string
  node: string
  signal: AbortSignal
  /** Renewed when less is left than this; 60 days unless given. */
  leftMs?: number
}

/**
 * Have the certificates of a host that joined issued again when their end is near, as the node that it is. On a host with a server
 * that server does it.
 *
 * @returns whether they were; programs take the new ones from their files
 */
export async function renewMembership(options: RenewalOptions): Promise<boolean> {
  const { folder, kubeconfig, node, signal, leftMs = 60 * dayMs } = options
  const api = loadOwnKubeconfig(kubeconfig)
  const ends = Date.parse(new X509Certificate(api.cert ?? '').validTo)
  if (ends - Date.now() > leftMs) return false
  const transport = httpsTransport(api)
  try {
    const client = new Client(transport)
    const [own, serving] = await Promise.all([
      requestCertificate(client, node, 'client', signal),
      requestCertificate(client, node, 'serving', signal),
    ])
    await keepMembership(folder, node, api.server, { ca: String(api.ca), client: own, serving })
    return true
  } finally {
    await transport.close()
  }
}

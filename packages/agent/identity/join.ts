import https from 'node:https'
import { join } from 'node:path'
import { ClusterNetwork } from '@thresher/api/network/cluster-network'
import { managementSwitch } from '@thresher/api/management-network'
import { subnetAnnotation } from '@thresher/api/names'
import { formatKubeconfig } from '@thresher/apiserver/pki/kubeconfig'
import { writePrivateFile } from '@thresher/apiserver/pki/private-file'
import { Client } from '@thresher/client/client'
import { httpsTransport, type HttpsTransportOptions } from '@thresher/client/node/https-transport'
import { isAuthority, type JoinToken } from './join-token.ts'
import { requestCertificate } from './node-certificates.ts'

/** What a host learns and is given when it joins. PEM where it is a certificate or key. */
export interface Membership {
  ca: string
  client: { cert: string; key: string }
  serving: { cert: string; key: string }
  /** The guests' management network, as a CIDR. */
  guestSubnet: string
}

/** The host cannot join, and the sentence says why. */
export class JoinError extends Error {
  override readonly name = 'JoinError'
}

const longestAuthorityBytes = 64 * 1024
const authorityPatienceMs = 15_000

/**
 * Become a node of a cluster: know the API server by the token's hash, get certificates, learn what all hosts have in common.
 *
 * The token is shown only to a server whose authority has the key that the token names.
 *
 * @throws {JoinError}
 */
export async function joinCluster(
  server: string,
  token: JoinToken,
  node: string,
  signal: AbortSignal,
): Promise<Membership> {
  const ca = await fetchAuthority(server, signal)
  if (!isAuthority(ca, token))
    throw new JoinError(
      `the authority of ${server} is not the one that the token names; do not go on unless you know why, and make a new token on the cluster: thresher token create`,
    )
  const client = await asking({ server, ca, token: token.bearer }, (api) =>
    requestCertificate(api, node, 'client', signal),
  )
  return asking({ server, ca, ...client }, async (api) => ({
    ca,
    client,
    serving: await requestCertificate(api, node, 'serving', signal),
    guestSubnet: await readGuestSubnet(api),
  }))
}

/** Write what the agent needs into its own folder. */
export async function keepMembership(
  folder: string,
  node: string,
  server: string,
  membership: Omit<Membership, 'guestSubnet'>,
): Promise<void> {
  const { ca, client, serving } = membership
  await writePrivateFile(join(folder, 'ca.crt'), ca)
  await writePrivateFile(join(folder, 'agent.key'), serving.key)
  await writePrivateFile(join(folder, 'agent.crt'), serving.cert)
  await writePrivateFile(join(folder, 'agent.kubeconfig'), formatKubeconfig({ server, ca, name: node, ...client }))
}

async function asking<T>(options: HttpsTransportOptions, ask: (api: Client) => Promise<T>): Promise<T> {
  const transport = httpsTransport(options)
  try {
    return await ask(new Client(transport))
  } catch (cause) {
    throw new JoinError((cause as Error).message, { cause })
  } finally {
    await transport.close()
  }
}

async function readGuestSubnet(api: Client): Promise<string> {
  const network = await api.resource<ClusterNetwork>(ClusterNetwork).get(managementSwitch)
  const subnet = network.metadata.annotations?.[subnetAnnotation]
  if (subnet === undefined) throw new Error(`the cluster does not say which network its guests have; update its hosts`)
  return subnet
}

/** Fetch the authority from a server that is not known yet; no secret is sent. @throws {JoinError} */
function fetchAuthority(server: string, signal: AbortSignal): Promise<string> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(authorityPatienceMs)])
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown) =>
      reject(new JoinError(`${server} does not answer as an API server: ${why}`, { cause }))
    const request = https.get(new URL('/cacerts', server), { rejectUnauthorized: false, agent: false, signal: limit })
    request.on('error', (error) => fail(limit.aborted ? 'no answer in time' : error.message, error))
    request.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
        if (text.length > longestAuthorityBytes) request.destroy(new Error('its authority is too long'))
      })
      response.on('end', () => (response.statusCode === 200 ? resolve(text) : fail(`status ${response.statusCode}`)))
    })
  })
}

import { join } from 'node:path'
import {
  agentServingNames,
  issueAdminCertificate,
  issueAgentCertificates,
  isUsable,
  type Pki,
} from '@thresher/apiserver/pki/ensure'
import { writeKubeconfig } from '@thresher/apiserver/pki/kubeconfig'
import { makePrivateDirectory, writePrivateFile } from '@thresher/apiserver/pki/private-file'
import { readFile } from 'node:fs/promises'
import { hostAddresses } from './addresses.ts'

/** The files with which this host's administrator and agent find the server. */
export interface Bootstrap {
  dataDir: string
  nodeName: string
  serverUrl: string
  pki: Pki
}

/** Names of the files below `<dataDir>/bootstrap` from which root takes what administrator and agent need. */
export function bootstrapFiles(nodeName: string) {
  const pair = (name: string) => ({ cert: `${name}.crt`, key: `${name}.key` })
  return { ca: 'ca.crt', admin: pair('admin'), node: pair(`node-${nodeName}`), agent: pair('agent') }
}

/** Below `<dataDir>/bootstrap`: the password made at install, and the pid of the server that is ready. */
export const firstAdministratorFile = 'first-administrator.json'
export const readyFile = 'ready'

/**
 * Write the administrator's kubeconfig and this node's credentials below `<dataDir>/bootstrap`, each for its owner only.
 * Those that are there are kept while they are good; called once in a while, it renews what would end otherwise.
 */
export async function writeBootstrap({ dataDir, nodeName, serverUrl, pki }: Bootstrap): Promise<void> {
  const folder = join(dataDir, 'bootstrap')
  const files = bootstrapFiles(nodeName)
  await makePrivateDirectory(folder)
  const access = { server: serverUrl, ca: pki.ca.cert }
  await writePrivateFile(join(folder, files.ca), pki.ca.cert)
  const admin = await keep(folder, files.admin, pki, () => issueAdminCertificate(pki.ca))
  await writeKubeconfig(join(folder, 'admin.kubeconfig'), { ...access, name: 'thresher', ...admin })
  const addresses = ['127.0.0.1', ...hostAddresses()]
  const agent = { node: nodeName, addresses }
  const client = await keep(folder, files.node, pki, () => issueAgentCertificates(pki.ca, agent).client)
  await writeKubeconfig(join(folder, 'agent.kubeconfig'), { ...access, name: nodeName, ...client })
  const serving = () => issueAgentCertificates(pki.ca, agent).serving
  await keep(folder, files.agent, pki, serving, agentServingNames(agent))
}

/** The first administrator's name and password, for `thresher up` to show once and remove. */
export async function writeFirstAdministrator(
  dataDir: string,
  first: { name: string; password: string },
): Promise<void> {
  await makePrivateDirectory(join(dataDir, 'bootstrap'))
  await writePrivateFile(join(dataDir, 'bootstrap', firstAdministratorFile), JSON.stringify(first))
}

/** Say that this process is ready: the file holds its pid. */
export function writeReady(dataDir: string): Promise<void> {
  return writePrivateFile(join(dataDir, 'bootstrap', readyFile), `${process.pid}\n`)
}

/** A certificate that is there and still good, or a new one. */
async function keep(
  folder: string,
  names: { cert: string; key: string },
  pki: Pki,
  issue: () => { cert: string; key: string },
  serverNames: string[] = [],
): Promise<{ cert: string; key: string }> {
  const paths = { cert: join(folder, names.cert), key: join(folder, names.key) }
  const read = (path: string) => readFile(path, 'utf8').catch(() => '')
  const kept = { cert: await read(paths.cert), key: await read(paths.key) }
  if (isUsable(kept, pki.ca, serverNames)) return kept
  const made = issue()
  await writePrivateFile(paths.key, made.key)
  await writePrivateFile(paths.cert, made.cert)
  return made
}

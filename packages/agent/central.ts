import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Node } from '@thresher/api/core/node'
import { controlPlaneLabel, southboundPort } from '@thresher/api/names'
import { writePrivateFile } from '@thresher/apiserver/pki/private-file'
import type { Client } from '@thresher/client/client'
import type { KubeconfigContext } from '@thresher/client/node/kubeconfig'
import type { Endpoint } from '@thresher/ovsdb/endpoint'
import type { TlsPaths } from './network/engine-specs.ts'

/** Where the southbound database is, from the nodes whose hosts manage the cluster: in one order on all hosts. */
export function southboundEndpoints(nodes: readonly Node[]): Endpoint[] {
  return nodes
    .filter(({ metadata }) => metadata.labels?.[controlPlaneLabel] === 'true')
    .flatMap(({ status }) => status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? [])
    .sort()
    .map((address): Endpoint => `ssl:${address.includes(':') ? `[${address}]` : address}:${southboundPort}`)
}

/**
 * The southbound database as the API names it, or as it was when the API last did: a host that starts again while no server answers
 * still joins its network. @throws {Error} when neither is known
 */
export async function findSouthbound(client: Client, dataDir: string, signal: AbortSignal): Promise<Endpoint[]> {
  const file = fileIn(dataDir)
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(5000)])
    const nodes = await client.resource<Node>(Node).list({ labelSelector: `${controlPlaneLabel}=true`, signal: limit })
    const found = southboundEndpoints(nodes.items)
    if (found.length > 0) {
      await keepSouthbound(dataDir, found)
      return found
    }
  } catch (error) {
    const kept = readKept(file)
    if (kept) return kept
    throw error
  }
  const kept = readKept(file)
  if (kept) return kept
  throw new Error(`no node of the cluster is marked ${controlPlaneLabel}: is the agent on the server's host running?`)
}

/** Remember where the southbound database is. */
export async function keepSouthbound(dataDir: string, endpoints: readonly Endpoint[]): Promise<void> {
  await mkdir(join(dataDir, 'network'), { recursive: true })
  await writePrivateFile(fileIn(dataDir), JSON.stringify(endpoints))
}

const fileIn = (dataDir: string): string => join(dataDir, 'network', 'southbound.json')

function readKept(file: string): Endpoint[] | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'))
    const isEndpoint = (one: unknown): one is Endpoint => typeof one === 'string' && one.startsWith('ssl:')
    return Array.isArray(value) && value.length > 0 && value.every(isEndpoint) ? value : undefined
  } catch {
    return undefined
  }
}

/** Write this node's client certificate where the network's engines read it. Called again, it renews it. */
export async function writeNetworkTls(dataDir: string, api: KubeconfigContext): Promise<TlsPaths> {
  const folder = join(dataDir, 'network', 'tls')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const paths = { ca: join(folder, 'ca.crt'), cert: join(folder, 'client.crt'), key: join(folder, 'client.key') }
  for (const part of ['ca', 'cert', 'key'] as const) {
    const content = String(api[part] ?? '')
    if (readIfThere(paths[part]) !== content) await writePrivateFile(paths[part], content)
  }
  return paths
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

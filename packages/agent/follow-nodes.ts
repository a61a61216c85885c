import { join } from 'node:path'
import { Node } from '@thresher/api/core/node'
import { controlPlaneLabel, southboundPort } from '@thresher/api/names'
import type { Client } from '@thresher/client/client'
import { Informer } from '@thresher/client/informer'
import { loadOwnKubeconfig } from '@thresher/client/node/kubeconfig'
import { readServingCertificate, type ServingCertificate } from './api/serving-certificate.ts'
import { keepSouthbound, southboundEndpoints, writeNetworkTls } from './central.ts'
import type { Log } from './compute/host.ts'
import type { AgentConfig } from './config.ts'
import { socketsIn } from './network/engine-specs.ts'
import { removeLostChassis } from './network/lost-chassis.ts'
import type { OvnNetwork } from './network/ovn-network.ts'
import { renewMembership } from './identity/renew.ts'
import { SouthboundDoor } from './network/southbound-door.ts'

/** What follows the cluster's nodes on a host. */
export interface NodeFollower {
  /** A renewed certificate to serve with. */
  setCertificate(certificate: ServingCertificate): void
  close(): void
}

interface Parts {
  client: Client
  config: AgentConfig
  network: OvnNetwork
  signal: AbortSignal
  log: Log
}

const sweepPatienceMs = 30_000
/** How often a host that joined looks whether the end of its certificates is near. */
const renewEveryMs = 3600 * 1000

/** Keep this host's network in step with the hosts of the cluster: let them in where the databases are, look for those elsewhere. */
export function followNodes(parts: Parts): NodeFollower {
  return parts.config.role === 'management' ? letNodesIn(parts) : findManagement(parts)
}

function letNodesIn({ client, config, signal, log }: Parts): NodeFollower {
  const nodes = nodeInformer(client, log)
  const socket = socketsIn(join(config.runDir, 'network')).southbound
  const isNode = (name: string): boolean => {
    const found = nodes.get(name)
    return found !== undefined && found.metadata.deletionTimestamp === undefined
  }
  const tls = readServingCertificate(config.dataDir)
  const door = new SouthboundDoor({ port: southboundPort, tls, socket, isNode, log })
  // This host's own is not lost, whether its node is there yet or not.
  const isHost = (name: string) => name === config.nodeName || isNode(name)
  const sweep = () => {
    removeLostChassis(socket, isHost, AbortSignal.any([signal, AbortSignal.timeout(sweepPatienceMs)])).catch(
      (error: unknown) => {
        if (!signal.aborted)
          log('warn', `hosts that are gone stay in the network's database: ${(error as Error).message}`)
      },
    )
  }
  nodes.onChange(({ type }) => {
    if (type !== 'deleted') return
    door.expel()
    sweep()
  })
  void nodes.run(signal)
  nodes.synced.then(sweep, () => {})
  door.listen()
  return { setCertificate: (tls) => door.setCertificate(tls), close: () => door.close() }
}

function findManagement({ client, config, network, signal, log }: Parts): NodeFollower {
  const nodes = nodeInformer(client, log, `${controlPlaneLabel}=true`)
  const failed = (error: unknown) => log('warn', `the network's database: ${(error as Error).message}`)
  const follow = async () => {
    const found = southboundEndpoints(nodes.list())
    if (!nodes.hasSynced || found.length === 0) return
    await keepSouthbound(config.dataDir, found)
    await network.moveSouthbound(found)
  }
  nodes.onChange(() => void follow().catch(failed))
  void nodes.run(signal)
  const { dataDir: folder, kubeconfig, nodeName: node } = config
  const look = async () => {
    if (await renewMembership({ folder, kubeconfig, node, signal }))
      log('info', "this node's certificates were renewed")
    await writeNetworkTls(folder, loadOwnKubeconfig(kubeconfig))
  }
  const onError = (error: unknown) =>
    log('warn', `this node's certificates could not be renewed: ${(error as Error).message}`)
  const renew = setInterval(() => void look().catch(onError), renewEveryMs).unref()
  return { setCertificate: () => {}, close: () => clearInterval(renew) }
}

function nodeInformer(client: Client, log: Log, labelSelector?: string): Informer<Node> {
  const onError = (error: unknown) => log('warn', `cannot watch nodes: ${(error as Error).message}`)
  return new Informer(client.resource<Node>(Node), { onError, ...(labelSelector ? { labelSelector } : {}) })
}

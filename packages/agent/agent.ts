import { lstatSync, mkdirSync, statfsSync, writeFileSync } from 'node:fs'
import { availableParallelism, hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import type { Node } from '@thresher/api/core/node'
import { managementNetwork } from '@thresher/api/management-network'
import { ControllerClient } from '@thresher/client/client'
import { runControllers } from '@thresher/client/controller'
import { EventRecorder } from '@thresher/client/events'
import { httpsTransport } from '@thresher/client/node/https-transport'
import { Informers } from '@thresher/client/informers'
import { loadOwnKubeconfig, renewedCertificate } from '@thresher/client/node/kubeconfig'
import { requireTrustedFolder } from '@thresher/client/node/trusted-file'
import { findSouthbound, writeNetworkTls } from './central.ts'
import { AgentServer } from './api/server.ts'
import { followServingCertificate, readServingCertificate, type ServingCertificate } from './api/serving-certificate.ts'
import { knownAcceleration, openTo, type Acceleration } from './compute/accelerator.ts'
import { probeHierarchy } from './compute/cgroup.ts'
import type { ComputeHost, Log } from './compute/host.ts'
import { GuestView } from './compute/guest-view.ts'
import { FirmwareStore } from './compute/firmware-store.ts'
import { tpmProgram } from './compute/tpm/tpm-process.ts'
import { TpmStore } from './compute/tpm/tpm-store.ts'
import { Runs } from './compute/runs.ts'
import { StartGate } from './compute/start-gate.ts'
import { residentBytes } from './compute/process-identity.ts'
import { openBackups } from './backup/backups.ts'
import type { AgentConfig } from './config.ts'
import { guestUidConflict, readIdTables } from './guest-uids.ts'
import {
  addressOfDevice,
  findOvmf,
  findUser,
  hasProgram,
  primaryAddress,
  qemuUserName,
  qemuVersion,
  takeInventory,
} from './host-facts.ts'
import type { NetworkFindings } from './network/network-part.ts'
import type { Central } from './network/engine-specs.ts'
import { namesOf } from './network/names.ts'
import { OvnNetwork } from './network/ovn-network.ts'
import { NetworkReport } from './network-report.ts'
import { Pods } from './pods.ts'
import { registerNode, renewLease, writeNode } from './node.ts'
import { followNodes } from './follow-nodes.ts'
import { peerImages } from './storage/peer-image.ts'
import { openStorage, type HostStorage } from './storage/storage.ts'
import { UsageRecorder } from './usage/recorder.ts'
import { version } from './version.ts'

const component = 'thresher-agent'
const qemuProgram = 'qemu-system-x86_64'
const serverUserName = 'thresher'
/** @see Linux `include/uapi/linux/magic.h` */
const tmpfsMagic = 0x01021994

/**
 * Run the agent until the signal aborts. Guests, and the network they use, run on afterwards.
 *
 * @throws {Error} with one sentence and what to do, when the host lacks something
 */
export async function runAgent(config: AgentConfig, signal: AbortSignal, log: Log): Promise<void> {
  const started = Date.now()
  const api = loadOwnKubeconfig(config.kubeconfig)
  const [qemu, owner, server] = await Promise.all([
    qemuVersion(qemuProgram),
    findUser(qemuUserName),
    findUser(serverUserName).catch(() => undefined),
  ])
  const qemuName = `${qemu.major}.${qemu.minor}.${qemu.micro}`
  const address = primaryAddress()
  const conflict = guestUidConflict(config.guestUids, readIdTables())
  if (conflict) throw new Error(conflict)
  makeFolders(config)
  const view = GuestView.prepare(join(config.runDir, 'view')).catch((error: Error) => {
    log('warn', `guests' QEMUs see the whole host, each as a user of its own: ${error.message}`)
    return undefined
  })
  const user = { ...owner, groups: [] as number[] }
  const probed = knownAcceleration(join(config.dataDir, 'accelerator.json'), qemuName, { program: qemuProgram, user })
  const storage = await openStorage({
    root: config.dataDir,
    node: config.nodeName,
    owner,
    guestUids: config.guestUids,
    // The host reaches guests past their firewall rules.
    closedRanges: [config.guestSubnet],
    fetchImage: peerImages(() => loadOwnKubeconfig(config.kubeconfig)),
  })
  const transport = httpsTransport({
    ...api,
    certificate: renewedCertificate(() => loadOwnKubeconfig(config.kubeconfig)),
    userAgent: `thresher-agent/${version}`,
  })
  const client = new ControllerClient(transport)
  const events = new EventRecorder(client, component, hostname())
  const central: Central =
    config.role === 'management'
      ? server === undefined
        ? {}
        : { serverGroup: server.gid }
      : {
          southbound: await findSouthbound(client, config.dataDir, signal),
          tls: await writeNetworkTls(config.dataDir, api),
        }
  let networkChanged = (_findings: NetworkFindings): void => {}
  const network = openNetwork(config, { address, central, api: api.server, log }, (found) => networkChanged(found))
  const networkUp = network.start()
  networkUp.catch(() => {})
  const host = computeHost(config, { user, view, storage, network, networkUp, probed, qemu, log })
  const backups = openBackups({
    node: config.nodeName,
    driver: storage.driver,
    folder: join(config.runDir, 'backup'),
    user: owner,
  })
  const informers = new Informers(client, signal, (kind, error) =>
    log('warn', `cannot watch ${kind.plural}: ${(error as Error).message}`),
  )
  const onWatchError = (kind: string, error: unknown): void =>
    log('warn', `cannot watch ${kind}: ${(error as Error).message}`)
  let problemsChanged = (): void => {}
  const runs = new Runs({
    host,
    client,
    informers,
    events,
    node: config.nodeName,
    hostIP: address,
    signal,
    onWatchError,
    onProblem: () => problemsChanged(),
  })
  const known: { node?: Node } = {}
  const networkReport = new NetworkReport({
    log,
    events,
    node: () => known.node,
    run: (uid) => runs.list().find((run) => run.uid === uid),
    onChange: () => problemsChanged(),
  })
  networkChanged = (findings) => networkReport.take(findings)
  const pods = new Pods({ client, events, node: config.nodeName, runtimes: [runs], signal, log, onWatchError })
  // What runs is taken up first: for that the API server need not answer.
  await runs.adopt()
  const reclaimed = await storage.driver.reclaim()
  if (reclaimed.length > 0) log('info', `taken back from guests that have ended: ${reclaimed.join(', ')}`)
  await networkUp
  const swept = await network.sweep(runs.nics())
  if (swept.length > 0) log('info', `removed taps that nobody uses: ${swept.join(', ')}`)
  const usage = new UsageRecorder({ runs: () => runs.list(), file: join(config.dataDir, 'usage.json'), log })
  usage.start()
  const nodes = followNodes({ client, config, network, signal, log })
  const agentServer = await serve(config, runs, {
    started,
    network,
    images: storage.images,
    usage,
    probed,
    onRenewed: (certificate) => nodes.setCertificate(certificate),
    log,
  })
  const acceleration = await probed
  const confined = (await view) !== undefined
  log('info', `guests run under ${acceleration.accelerator}: ${acceleration.message}`)
  const word = () => ({
    name: config.nodeName,
    address,
    port: agentServer.port,
    version,
    qemu: qemuName,
    inventory: takeInventory(config.dataDir),
    acceleration,
    problems: runs.problems(),
    networkFaults: networkReport.faults,
    confined,
    now: new Date(),
  })
  await Promise.all([
    runControllers([...storage.controllers(runs, backups.restore), ...backups.controllers()], {
      transport,
      signal,
      component,
      host: hostname(),
      log,
      informers,
    }),
    pods.run(),
  ])
  const node = await registerNode(client, word, signal, log)
  known.node = node
  // Who started the agent reads its own pid here, and so knows that it is this one that is ready.
  writeFileSync(join(config.runDir, 'agent.ready'), `${process.pid}\n`)
  log('info', `the node ${config.nodeName} is ready`, { address, port: agentServer.port, ms: Date.now() - started })
  void renewLease(client, node, signal, log)
  problemsChanged = () => {
    writeNode(client, word()).catch((error: unknown) =>
      log('warn', `the node's status could not be written: ${(error as Error).message}`),
    )
  }
  void runs.sweepLasting()
  const sweep = setInterval(() => void runs.sweepLasting(), sweepEveryMs)
  const refresh = setInterval(() => problemsChanged(), refreshEveryMs)
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  clearInterval(refresh)
  clearInterval(sweep)
  nodes.close()
  agentServer.stopFollowing()
  agentServer.close()
  usage.close()
  runs.release()
  await network.close()
  await transport.close()
}

/** Disk pressure and the like change slowly; the lease says meanwhile that the node lives. */
const refreshEveryMs = 60_000
/** How often it is asked whether the machines whose UEFI variables and TPMs are kept still exist. */
const sweepEveryMs = 600_000

function makeFolders({ dataDir, runDir }: AgentConfig): void {
  for (const folder of [dataDir, runDir, join(runDir, 'vms'), join(runDir, 'network')])
    mkdirSync(folder, { recursive: true, mode: 0o755 })
  for (const folder of [dataDir, runDir]) requireTrustedFolder(folder)
  makeSecretRoot(secretRoot(runDir))
}

/** @throws {Error} when somebody else made the folder before, which everybody may do in the host's shared memory */
function makeSecretRoot(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o711 })
  const found = lstatSync(folder)
  if (!found.isDirectory() || found.uid !== 0 || (found.mode & 0o022) !== 0)
    throw new Error(
      `${folder} is not a folder that root alone may write to; remove it, guests' secrets would lie there`,
    )
}

/** Secrets of guests lie in memory: below the run folder where that is in memory, else in the host's shared memory. */
function secretRoot(runDir: string): string {
  const isInMemory = (folder: string): boolean => {
    try {
      return statfsSync(folder).type === tmpfsMagic
    } catch {
      return false
    }
  }
  if (isInMemory(runDir) || !isInMemory('/dev/shm')) return join(runDir, 'seeds')
  return join('/dev/shm', `thresher${runDir.replaceAll('/', '-')}`)
}

/** What a guest cluster's programs speak with. */
function portOf(url: string): number {
  return Number(new URL(url).port || 443)
}

function openNetwork(
  config: AgentConfig,
  { address, central, api, log }: { address: string; central: Central; api: string; log: Log },
  onFindings: (findings: NetworkFindings) => void,
): OvnNetwork {
  return new OvnNetwork({
    dataDir: join(config.dataDir, 'network'),
    runDir: join(config.runDir, 'network'),
    logDir: join(config.dataDir, 'network', 'log'),
    host: config.nodeName,
    network: managementNetwork({ subnet: config.guestSubnet }),
    central,
    ...tunnelEnd(config, address),
    instance: config.instance,
    guard: { openPorts: [portOf(api), ...config.openToGuests], guestUids: config.guestUids },
    log: (level, message) => log(level, message),
    onFindings,
  })
}

/** Where tunnels to other hosts end. The address has moved to the switch's bridge after the first start. */
function tunnelEnd({ tunnelDevice, instance }: AgentConfig, address: string) {
  if (tunnelDevice === undefined) return { tunnelAddress: address }
  const bridge = namesOf(instance).tunnelBridge
  const holder = networkInterfaces()[bridge]?.some(({ family }) => family === 'IPv4') ? bridge : tunnelDevice
  return { tunnelAddress: addressOfDevice(holder), tunnelDevice }
}

interface HostParts {
  user: ComputeHost['user']
  view: ComputeHost['view']
  storage: HostStorage
  network: OvnNetwork
  /** Until then no card can be plugged. */
  networkUp: Promise<void>
  probed: Promise<Acceleration>
  qemu: { major: number; minor: number; micro: number }
  log: Log
}

function computeHost(config: AgentConfig, parts: HostParts): ComputeHost {
  const { user, view, storage, network, networkUp, probed, qemu, log } = parts
  const ovmf = findOvmf()
  return {
    storage: storage.driver,
    network: {
      plug: async (request, signal) => {
        await networkUp
        return network.plug(request, signal)
      },
      unplug: (nic) => network.unplug(nic),
    },
    facts: probed.then(({ accelerator }) => {
      if (accelerator === 'kvm') user.groups.push(openTo('/dev/kvm', user))
      return { accelerator, qemu, ...(ovmf ? { ovmf } : {}), swtpm: hasProgram(tpmProgram) }
    }),
    user,
    guestUids: config.guestUids,
    view,
    volumeFolders: storage.volumeFolders,
    hierarchy: probeHierarchy(),
    starts: new StartGate(availableParallelism()),
    program: qemuProgram,
    runRoot: join(config.runDir, 'vms'),
    secretRoot: secretRoot(config.runDir),
    dataRoot: config.dataDir,
    firmware: new FirmwareStore(join(config.dataDir, 'nvram')),
    tpms: new TpmStore(join(config.dataDir, 'tpm')),
    log,
  }
}

async function serve(
  config: AgentConfig,
  runs: Runs,
  parts: {
    started: number
    network: OvnNetwork
    images: HostStorage['images']
    usage: UsageRecorder
    probed: Promise<Acceleration>
    /** Called when there is a renewed certificate to serve with. */
    onRenewed: (certificate: ServingCertificate) => void
    log: Log
  },
): Promise<AgentServer & { port: number; stopFollowing: () => void }> {
  const current = readServingCertificate(config.dataDir)
  const server = new AgentServer({
    port: config.port,
    tls: current,
    find: (namespace, name) => runs.find(namespace, name),
    addressOf: (run) => runs.addressOf(run),
    images: parts.images,
    usage: parts.usage,
    stats: async () => ({
      version,
      pid: process.pid,
      uptimeSeconds: Math.round((Date.now() - parts.started) / 1000),
      memoryBytes: process.memoryUsage.rss(),
      acceleration: await parts.probed,
      network: await parts.network.status(),
      machines: runs.list().map((run) => {
        const { step, hung, process: qemu, config: running } = run.view()
        const { namespace, name, uid } = run
        const memoryBytes = qemu ? residentBytes(qemu.pid) : 0
        return { namespace, name, uid, step, hung, pid: qemu?.pid, memoryBytes, guestBytes: running?.guestBytes }
      }),
    }),
    log: parts.log,
  })
  const port = await server.listen()
  const stopFollowing = followServingCertificate({
    folder: config.dataDir,
    current,
    onRenewed: (renewed) => {
      server.setCertificate(renewed)
      parts.onRenewed(renewed)
      parts.log('info', "the agent's certificate was renewed")
    },
    onError: (error) => parts.log('warn', `the agent's certificate could not be read: ${(error as Error).message}`),
  })
  return Object.assign(server, { port, stopFollowing })
}

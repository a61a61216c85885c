import { Event } from '@thresher/api/core/event'
import { Namespace } from '@thresher/api/core/namespace'
import { Node } from '@thresher/api/core/node'
import { KeyPair } from '@thresher/api/harvester/key-pair'
import { VirtualMachineBackup } from '@thresher/api/harvester/virtual-machine-backup'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { machineManifest } from '@thresher/api/kubevirt/machine-manifest'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { Client } from '@thresher/client/client'

/** A key that opens nothing. */
const publicKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUj0TiSxU0BRwTl3Jm1gGcOqQRr5sTQxD5M9vYyYb0V maria@laptop'

/** An image that is there in full, without having been downloaded. */
export async function addImage(client: Client, name: string, displayName: string, gib = 2): Promise<void> {
  const images = client.resource<VirtualMachineImage>(VirtualMachineImage)
  const made = await images.create({
    metadata: { name, namespace: 'default' },
    spec: { displayName, sourceType: 'download', url: `https://images.example/${displayName}.qcow2` },
  } as VirtualMachineImage)
  await images.updateStatus({
    ...made,
    status: {
      ...made.status,
      progress: 100,
      size: gib * 2 ** 28,
      virtualSize: gib * 2 ** 30,
      storageClassName: `longhorn-${name}`,
    },
  } as VirtualMachineImage)
}

/** A machine, off unless said. */
export function addMachine(
  client: Client,
  name: string,
  options: { run?: boolean; namespace?: string; memory?: string; cpus?: number } = {},
): Promise<VirtualMachine> {
  const { run = false, namespace = 'default', memory = '2Gi', cpus = 1 } = options
  return client.resource<VirtualMachine>(VirtualMachine).create(
    machineManifest({
      name,
      namespace,
      cpus,
      memory,
      disk: '10Gi',
      keys: [],
      runStrategy: run ? 'RerunOnFailure' : 'Halted',
      efi: false,
    }) as unknown as VirtualMachine,
  )
}

const nodeInfo = {
  machineID: 'b7f1',
  systemUUID: 'b7f1',
  bootID: 'b7f1',
  kernelVersion: '6.1.0-38-amd64',
  osImage: 'Debian GNU/Linux 12 (bookworm)',
  containerRuntimeVersion: 'qemu://7.2',
  kubeletVersion: 'v0.1.0',
  kubeProxyVersion: '',
  operatingSystem: 'linux',
  architecture: 'amd64',
}

/** A small cluster as one would have it after a week: what the screenshots show. */
export async function addExamples(client: Client): Promise<void> {
  await client.resource<Namespace>(Namespace).create({ metadata: { name: 'team-web' }, spec: {} } as Namespace)
  await client
    .resource<KeyPair>(KeyPair)
    .create({ metadata: { name: 'maria', namespace: 'default' }, spec: { publicKey } } as KeyPair)
  await addImage(client, 'image-debian', 'debian-12-genericcloud-amd64')
  await addImage(client, 'image-ubuntu', 'ubuntu-24.04-server', 4)
  const names = ['web-1', 'web-2', 'database', 'build-runner', 'mail', 'monitoring']
  for (const [index, name] of names.entries())
    await addMachine(client, name, { run: index < 4, memory: index === 2 ? '4Gi' : '1Gi', cpus: index === 2 ? 2 : 1 })
  await addMachine(client, 'a-machine-whose-name-is-as-long-as-some-generators-make-them', {
    namespace: 'team-web',
  })
  // More than the host has: it waits, and says why.
  await addMachine(client, 'analytics', { run: true, memory: '64Gi', namespace: 'team-web' })
  await client.resource<VirtualMachineBackup>(VirtualMachineBackup).create({
    metadata: { name: 'before-upgrade', namespace: 'default' },
    spec: { type: 'snapshot', source: { apiGroup: 'kubevirt.io', kind: 'VirtualMachine', name: 'web-1' } },
  })
  const nodes = client.resource<Node>(Node)
  const [node] = (await nodes.list()).items
  if (node) await nodes.updateStatus({ ...node, status: { ...node.status, nodeInfo } })
  await client.resource<Event>(Event).create({
    metadata: { name: 'image-debian.1', namespace: 'default' },
    involvedObject: { kind: 'VirtualMachineImage', name: 'image-debian', namespace: 'default' },
    type: 'Normal',
    reason: 'Imported',
    message: 'The image is downloaded and its checksum is right.',
    count: 1,
    lastTimestamp: new Date().toISOString().replace(/\.\d+/, ''),
  } as Event)
}

import { Node } from '@thresher/api/core/node'
import { PersistentVolume } from '@thresher/api/core/persistent-volume'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { Pod } from '@thresher/api/core/pod'
import { claimTemplatesAnnotation } from '@thresher/api/kubevirt/claim-templates'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { Condition } from '@thresher/api/meta'
import {
  appLabel,
  hostnameLabel,
  launcherApp,
  localDriver,
  machineNameLabel,
  selectedNodeAnnotation,
  volumeFileFinalizer,
} from '@thresher/api/names'
import { formatTime, setCondition } from '@thresher/client/conditions'
import { defineController, runControllers, watch, type Context, type Running } from '@thresher/client/controller'
import { isControlledBy } from '@thresher/client/owner'
import { keyOf } from '@thresher/client/paths'
import { noSubject } from '@thresher/client/subject'
import type { Transport } from '@thresher/client/transport'

/** A node whose agent only pretends: volumes appear, guests run and stop, all at once. */
export interface SimulatedAgent {
  running: Running
  /** End a guest: by its own shutdown or by a crash. */
  end(namespace: string, name: string, phase: 'Succeeded' | 'Failed'): Promise<void>
}

/** Start a {@link SimulatedAgent} with a Node of that size. */
export async function simulateAgent(
  transport: Transport,
  signal: AbortSignal,
  name = 'node-1',
  size: Record<string, string> = { cpu: '8', memory: '16Gi', pods: '110' },
): Promise<SimulatedAgent> {
  const running = await runControllers([agentController(name)], { transport, signal, component: 'agent' })
  await running.context.client.resource(Node).create({
    metadata: { name, labels: { [hostnameLabel]: name } },
  } as Node)
  await running.context.client.resource(Node).patch(
    name,
    undefined,
    {
      status: {
        capacity: size,
        allocatable: size,
        addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        conditions: [
          { type: 'Ready', status: 'True', reason: 'AgentReady', lastTransitionTime: formatTime(new Date()) },
        ],
      },
    },
    'merge',
    { subresource: 'status' },
  )
  return {
    running,
    async end(namespace, machine, phase) {
      const instances = running.context.client.resource(VirtualMachineInstance)
      const instance = await instances.get(machine, namespace)
      await instances.updateStatus({ ...instance, status: endStatus(instance, phase) })
    },
  }
}

function agentController(node: string) {
  return defineController({
    name: `agent-${node}`,
    subject: noSubject,
    workers: 16,
    watches: [
      watch(PersistentVolumeClaim, (claim, context) => [
        `claim ${keyOf(claim)}`,
        ...context
          .objects(VirtualMachineInstance)
          .list(claim.metadata.namespace)
          .map((instance) => `instance ${keyOf(instance)}`),
      ]),
      watch(PersistentVolume, (volume) => [`volume ${keyOf(volume)}`]),
      watch(Pod, (pod) => [`pod ${keyOf(pod)}`], { node: (pod) => [pod.spec.nodeName ?? ''] }),
      watch(VirtualMachineInstance, (instance) => [`instance ${keyOf(instance)}`]),
    ],
    async reconcile(key, context) {
      const [what, name = ''] = key.split(' ')
      if (what === 'claim') return provision(node, name, context)
      if (what === 'volume') return removeVolume(name, context)
      if (what === 'pod') return followPod(node, name, context)
      return followInstance(node, name, context)
    },
  })
}

async function provision(node: string, key: string, context: Context): Promise<void> {
  const claim = context.objects(PersistentVolumeClaim).get(key)
  if (!claim || claim.spec.volumeName || claim.metadata.annotations?.[selectedNodeAnnotation] !== node) return
  const { name, namespace, uid } = claim.metadata
  await context.objects(PersistentVolume).ensure({
    metadata: { name: `pvc-${uid}`, finalizers: [volumeFileFinalizer] },
    spec: {
      capacity: { storage: claim.spec.resources?.requests?.['storage'] ?? '1Gi' },
      accessModes: claim.spec.accessModes,
      volumeMode: claim.spec.volumeMode,
      storageClassName: claim.spec.storageClassName,
      persistentVolumeReclaimPolicy: 'Delete',
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid },
      csi: { driver: localDriver, volumeHandle: `pvc-${uid}` },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: hostnameLabel, operator: 'In', values: [node] }] }],
        },
      },
    },
  })
}

async function removeVolume(key: string, context: Context): Promise<void> {
  const volume = context.objects(PersistentVolume).get(key)
  if (volume?.metadata.deletionTimestamp)
    await context.objects(PersistentVolume).removeFinalizer(volume, volumeFileFinalizer)
}

async function followPod(node: string, key: string, context: Context): Promise<void> {
  const pod = context.objects(Pod).get(key)
  if (pod?.spec.nodeName !== node || pod.metadata.labels?.[appLabel] !== launcherApp) return
  const name = pod.metadata.labels[machineNameLabel] ?? ''
  await followInstance(node, `${pod.metadata.namespace}/${name}`, context)
}

async function followInstance(node: string, key: string, context: Context): Promise<void> {
  const instance = context.objects(VirtualMachineInstance).get(key)
  if (!instance) return
  const pod = context
    .objects(Pod)
    .byIndex('node', node)
    .find((each) => isControlledBy(each, instance))
  const phase = instance.status?.phase
  const instances = context.objects(VirtualMachineInstance)
  if (!pod || phase === 'Succeeded' || phase === 'Failed') return
  if (instance.metadata.deletionTimestamp || pod.metadata.deletionTimestamp) {
    await instances.updateStatus({ ...instance, status: endStatus(instance, 'Succeeded') })
    return
  }
  if (phase === 'Running' || instance.status?.nodeName !== node) return
  const bound = (pod.spec.volumes ?? []).every(({ persistentVolumeClaim: source }) => {
    const claim = context.objects(PersistentVolumeClaim).get(`${instance.metadata.namespace}/${source?.claimName}`)
    return !source || claim?.status?.phase === 'Bound'
  })
  if (!bound) return
  const now = new Date()
  await instances.updateStatus({
    ...instance,
    status: {
      ...instance.status,
      phase: 'Running',
      interfaces: [{ name: 'default', ipAddress: '10.52.0.7', mac: '52:54:00:00:00:01' }],
      phaseTransitionTimestamps: [
        ...(instance.status?.phaseTransitionTimestamps ?? []),
        { phase: 'Running', phaseTransitionTimestamp: formatTime(now) },
      ],
      conditions: setCondition(
        instance.status?.conditions as Condition[],
        { type: 'Ready', status: 'True' },
        now,
      ) as never,
    },
  })
}

function endStatus(instance: VirtualMachineInstance, phase: 'Succeeded' | 'Failed'): VirtualMachineInstance['status'] {
  return {
    ...instance.status,
    phase,
    phaseTransitionTimestamps: [
      ...(instance.status?.phaseTransitionTimestamps ?? []),
      { phase, phaseTransitionTimestamp: formatTime(new Date()) },
    ],
  }
}

/** A machine with one empty disk of its own, as Harvester's form makes it. */
export function testMachine(name: string, runStrategy = 'RerunOnFailure', memory = '256Mi'): VirtualMachine {
  const claim = {
    metadata: { name: `${name}-root` },
    spec: { accessModes: ['ReadWriteMany'], volumeMode: 'Block', resources: { requests: { storage: '1Gi' } } },
  }
  return {
    metadata: {
      name,
      namespace: 'default',
      annotations: { [claimTemplatesAnnotation]: JSON.stringify([claim]) },
    },
    spec: {
      runStrategy,
      template: {
        spec: {
          domain: {
            memory: { guest: memory },
            devices: {
              disks: [{ name: 'root', disk: { bus: 'virtio' } }],
              interfaces: [{ name: 'default', masquerade: {} }],
            },
          },
          networks: [{ name: 'default', pod: {} }],
          volumes: [{ name: 'root', persistentVolumeClaim: { claimName: `${name}-root` } }],
        },
      },
    },
  }
}

import { createHash } from 'node:crypto'
import type { Pod } from '@thresher/api/core/pod'
import type { PodSpec } from '@thresher/api/core/pod-spec'
import { guestCpus, guestMemoryBytes } from '@thresher/api/kubevirt/guest-memory'
import { vmOverheadBytes } from '@thresher/api/kubevirt/vm-overhead'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { appLabel, createdByLabel, launcherApp, machineNameLabel } from '@thresher/api/names'
import { formatBytes, formatCpu, parseBytes, parseCpu } from '@thresher/api/quantity'
import { controllerReference } from '@thresher/client/owner'
import { claimNames } from '../virtual-machine/claims.ts'

/** A virtual CPU without a request counts as this much of a core, in thousandths. @see KubeVirt's cpuAllocationRatio of 10 */
const cpuShareMillicores = 100

/** Time beside the guest's own for stopping, in seconds, before a pod counts as stuck. */
const stopMarginSeconds = 15

/** The name of an instance's pod. It follows from the instance, so that a repeated attempt finds the first one's pod. */
export function launcherPodName(instance: VirtualMachineInstance): string {
  const { name, uid } = instance.metadata
  const digest = createHash('sha256')
    .update(uid ?? '')
    .digest()
  const suffix = [...digest.subarray(0, 5)].map((byte) => alphabet[byte % alphabet.length]).join('')
  return `virt-launcher-${(name ?? '').slice(0, 240)}-${suffix}`
}

/** Letters and digits without vowels and look-alikes, as Kubernetes takes them for generated names. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789'

/**
 * The pod that stands for a machine on a node: what it asks for, where it may go, which claims it uses.
 *
 * @param emulated whether it may come to a node that translates the guest's code
 * @param overheadFactor on the memory that the machine takes beside its guest
 */
export function launcherPod(instance: VirtualMachineInstance, emulated = false, overheadFactor = 1): Pod {
  const { spec, metadata } = instance
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: launcherPodName(instance),
      namespace: metadata.namespace,
      labels: {
        ...metadata.labels,
        [appLabel]: launcherApp,
        [machineNameLabel]: metadata.name ?? '',
        [createdByLabel]: metadata.uid ?? '',
      },
      annotations: { 'kubevirt.io/domain': metadata.name ?? '' },
      ownerReferences: [controllerReference(VirtualMachineInstance, instance)],
    },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: (spec.terminationGracePeriodSeconds ?? 30) + stopMarginSeconds,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      hostname: spec.hostname ?? metadata.name?.slice(0, 63),
      nodeSelector: spec.nodeSelector,
      affinity: spec.affinity,
      tolerations: spec.tolerations,
      topologySpreadConstraints: spec.topologySpreadConstraints,
      priorityClassName: spec.priorityClassName,
      schedulerName: spec.schedulerName,
      containers: [
        { name: 'compute', image: 'thresher/qemu', resources: computeResources(instance, emulated, overheadFactor) },
      ],
      volumes: claimNames(spec).map((claimName, index) => ({
        name: `volume-${index}`,
        persistentVolumeClaim: { claimName },
      })),
    },
  }
}

type Resources = NonNullable<PodSpec['containers'][number]['resources']>

const mebibyte = 1024 * 1024

/** What the machine takes of its node: CPU as requested or a share for each, memory of the guest and its overhead. */
function computeResources(instance: VirtualMachineInstance, emulated: boolean, factor: number): Resources {
  const { domain } = instance.spec
  const { requests = {}, limits = {}, overcommitGuestOverhead } = domain.resources ?? {}
  const cpus = guestCpus(domain)
  const guest = guestMemoryBytes(domain, instance.metadata.annotations) ?? 0
  const overhead = Math.ceil((vmOverheadBytes(domain, guest, emulated) * factor) / mebibyte) * mebibyte
  const cpu = domain.cpu?.dedicatedCpuPlacement
    ? cpus * 1000
    : requests['cpu'] !== undefined
      ? parseCpu(requests['cpu'])
      : Math.min(cpus * cpuShareMillicores, limits['cpu'] === undefined ? Infinity : parseCpu(limits['cpu']))
  const asked = requests['memory'] === undefined ? guest : parseBytes(requests['memory'])
  const memory = asked + (overcommitGuestOverhead ? 0 : overhead)
  return {
    requests: { ...requests, cpu: formatCpu(cpu), memory: formatBytes(memory) },
    ...(Object.keys(limits).length > 0 ? { limits: podLimits(limits, { cpu, memory }, overhead) } : {}),
  }
}

/**
 * The machine's limits as its pod has them: quotas and limit ranges count by these.
 *
 * @param request thousandths of a core and bytes of the pod; a limit below its request would be refused
 * @param overhead bytes that the machine takes beside its guest, whose memory is all that the user limits
 */
function podLimits(
  limits: Record<string, string>,
  request: { cpu: number; memory: number },
  overhead: number,
): Record<string, string> {
  const { cpu, memory, ...others } = limits
  return {
    ...others,
    ...(cpu === undefined ? {} : { cpu: parseCpu(cpu) < request.cpu ? formatCpu(request.cpu) : cpu }),
    ...(memory === undefined ? {} : { memory: formatBytes(Math.max(parseBytes(memory) + overhead, request.memory)) }),
  }
}

import type { Pod } from '@thresher/api/core/pod'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { launcherPodName } from './launcher-pod.ts'

/** On a launcher pod that was made to receive a guest: the uid of the migration. @see KubeVirt `v1.MigrationJobLabel` */
export const migrationLabel = 'kubevirt.io/migrationJobUID'

/**
 * The launcher pod in which an instance's guest is, or is to be: while it migrates it has two, of which the other only
 * receives. Pure.
 *
 * @param pods all pods that the instance owns
 */
export function activePod(instance: VirtualMachineInstance, pods: readonly Pod[]): Pod | undefined {
  const { activePods = {}, nodeName } = instance.status ?? {}
  const isActive = ({ metadata }: Pod): boolean => activePods[metadata.uid ?? ''] !== undefined
  const active = pods.filter(isActive)
  if (active.length > 0) return active.find((pod) => activePods[pod.metadata.uid ?? ''] === nodeName) ?? active[0]
  if (Object.keys(activePods).length > 0) return undefined
  // No run has been reported yet: the pod that was made first, whatever it is called.
  const own = pods.filter((pod) => pod.metadata.labels?.[migrationLabel] === undefined)
  return own.find((pod) => pod.metadata.name === launcherPodName(instance)) ?? own[0]
}

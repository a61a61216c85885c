import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { parseCpu } from '@thresher/api/quantity'
import type { Limits } from './cgroup.ts'

/** CPU request and limit of an instance, as the cgroup takes them: a tenth of a core for each of its CPUs unless said. */
export function processorShare(
  { spec }: VirtualMachineInstance,
  cpus: number,
): Pick<Limits, 'requestMillicores' | 'limitMillicores'> {
  const { requests, limits } = spec.domain.resources ?? {}
  const request = requests?.['cpu'] ?? limits?.['cpu']
  const limit = limits?.['cpu']
  return {
    requestMillicores: request === undefined ? cpus * 100 : parseCpu(request),
    ...(limit === undefined ? {} : { limitMillicores: parseCpu(limit) }),
  }
}

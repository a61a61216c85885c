import type { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { parseClaimTemplates, removedClaimsAnnotation } from '@thresher/api/kubevirt/claim-templates'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { VirtualMachineInstanceSpec } from '@thresher/api/kubevirt/virtual-machine-instance-spec'
import { waitsForMachineAnnotation } from '@thresher/api/names'
import { removeAllClaimsAnnotation } from '../names.ts'

/** The claims a VirtualMachine's annotation asks for, in its namespace. @throws {Error} when the annotation is wrong */
export function claimsOf(machine: VirtualMachine): PersistentVolumeClaim[] {
  const { namespace } = machine.metadata
  return parseClaimTemplates(machine.metadata).map(({ metadata: { name, labels, annotations }, spec }) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name,
      namespace,
      ...(labels ? { labels } : {}),
      annotations: { ...annotations, [waitsForMachineAnnotation]: 'true' },
    },
    spec,
  }))
}

/** The names of the claims that a machine's volumes use, in order, each once. */
export function claimNames(spec: Pick<VirtualMachineInstanceSpec, 'volumes'>): string[] {
  const names = (spec.volumes ?? []).flatMap(
    (volume) =>
      volume.persistentVolumeClaim?.claimName ??
      volume.dataVolume?.name ??
      volume.ephemeral?.persistentVolumeClaim?.claimName ??
      [],
  )
  return [...new Set(names)]
}

/** The names of the claims that go with a machine that is deleted. */
export function claimsToRemove(machine: VirtualMachine): string[] {
  const annotations = machine.metadata.annotations ?? {}
  if (annotations[removeAllClaimsAnnotation] === 'true') return claimNames(machine.spec.template.spec)
  return (annotations[removedClaimsAnnotation] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}

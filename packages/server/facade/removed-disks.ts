import type { Kind } from '@thresher/api/kind'
import { removedClaimsAnnotation } from '@thresher/api/kubevirt/claim-templates'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { FacadeCall } from './context.ts'
import { kubernetesPath } from './schema-names.ts'

/** Before a virtual machine is deleted with `removedDisks=a,b`: note on it which claims go with it. */
export async function markRemovedDisks(call: FacadeCall, kind: Kind, namespace: string, name: string): Promise<void> {
  const disks = (call.request.query.get('removedDisks') ?? '').split(',').filter(Boolean)
  if (disks.length === 0 || kind.kind !== 'VirtualMachine') return
  const path = kubernetesPath(kind, namespace, name)
  const machine = await call.api.request<VirtualMachine>({ method: 'GET', path })
  const claims = (machine.spec.template.spec.volumes ?? [])
    .filter((volume) => disks.includes(volume.name))
    .flatMap((volume) => volume.persistentVolumeClaim?.claimName ?? [])
  await call.api.request({
    method: 'PATCH',
    path,
    contentType: 'application/merge-patch+json',
    body: { metadata: { annotations: { [removedClaimsAnnotation]: claims.join(',') } } },
  })
}

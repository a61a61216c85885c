import { KubeVirt } from '@thresher/api/kubevirt/kube-virt'
import { kubevirtVersion } from '@thresher/api/kubevirt/version'
import { Namespace } from '@thresher/api/core/namespace'
import type { Condition } from '@thresher/api/meta'
import { same } from '@thresher/api/same'
import { setCondition } from '@thresher/client/conditions'
import type { Context } from '@thresher/client/controller'

const name = 'kubevirt'
const namespace = 'harvester-system'

/** The key of the one KubeVirt object. */
export const kubeVirtKey = `kubevirts/${namespace}/${name}`

/** Only the one object wakes the controller; others that somebody makes have no effect. */
export function wakesKubeVirt({ metadata }: KubeVirt): string[] {
  return metadata.name === name && metadata.namespace === namespace ? [kubeVirtKey] : []
}

/** The object in which clients read that virtualization is there, and its version. It is made again when it is deleted. */
export async function ensureKubeVirt(context: Context): Promise<void> {
  await context
    .objects(Namespace)
    .ensure({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } } as Namespace)
  const objects = context.objects(KubeVirt)
  const found = await objects.ensure({
    apiVersion: 'kubevirt.io/v1',
    kind: 'KubeVirt',
    metadata: { name, namespace },
    spec: {},
  })
  if (found.metadata.deletionTimestamp) return
  const status = statusOf(found, context.now())
  if (!same(status, found.status)) await objects.updateStatus({ ...found, status })
}

function statusOf({ status, metadata }: KubeVirt, now: Date): KubeVirt['status'] {
  let conditions = status?.conditions as Condition[] | undefined
  for (const [type, value] of [
    ['Available', 'True'],
    ['Progressing', 'False'],
    ['Degraded', 'False'],
  ] as const)
    conditions = setCondition(conditions, { type, status: value, reason: 'AllComponentsReady' }, now)
  return {
    ...status,
    phase: 'Deployed',
    operatorVersion: kubevirtVersion,
    observedKubeVirtVersion: kubevirtVersion,
    targetKubeVirtVersion: kubevirtVersion,
    observedGeneration: metadata.generation,
    conditions,
  }
}

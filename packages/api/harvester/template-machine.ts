import type { ClaimTemplate } from '../core/persistent-volume-claim.ts'
import { claimTemplatesAnnotation, parseClaimTemplates } from '../kubevirt/claim-templates.ts'
import type { VirtualMachine, VirtualMachineSpec } from '../kubevirt/virtual-machine.ts'
import type { ObjectMeta } from '../meta.ts'
import { imageIdAnnotation } from '../names.ts'
import type { VirtualMachineTemplateVersion } from './virtual-machine-template-version.ts'

/** What a machine has that its template leaves open. */
export interface TemplateMachine {
  name: string
  namespace: string
  /** The image for the first volume that is to have one: as `namespace/name`, and the storage class its volumes come from. */
  image?: { name: string; storageClass: string }
  runStrategy?: string
}

const nameLabel = 'harvesterhci.io/vmName'

/**
 * A machine as a version of a template describes it, with volumes and a name of its own. Addresses are not taken over: each machine
 * gets its own. Pure.
 *
 * @throws {Error} when the version holds no machine, or its volumes are not of the form
 */
export function machineOfTemplate(
  version: VirtualMachineTemplateVersion,
  { name, namespace, image, runStrategy }: TemplateMachine,
): Pick<VirtualMachine, 'metadata' | 'spec'> {
  const { vm } = version.spec
  const template = vm?.spec?.template
  if (!template) throw new Error(`the template version ${version.metadata.name} holds no machine; choose another`)
  const metadata = (vm.metadata ?? {}) as ObjectMeta
  const claims = parseClaimTemplates(metadata)
  const renamed = new Map(claims.map((claim, index) => [claim.metadata.name ?? '', `${name}-disk-${index}`]))
  const { [claimTemplatesAnnotation]: _, ...annotations } = metadata.annotations ?? {}
  const spec: VirtualMachineSpec = structuredClone({ ...vm.spec, template })
  if (runStrategy) {
    spec.runStrategy = runStrategy
    delete spec.running
  } else if (spec.runStrategy === undefined && spec.running === undefined) spec.runStrategy = 'RerunOnFailure'
  const inner = spec.template.spec
  for (const { persistentVolumeClaim: source } of inner.volumes ?? [])
    if (source) source.claimName = renamed.get(source.claimName) ?? source.claimName
  for (const card of inner.domain.devices.interfaces ?? []) delete card.macAddress
  inner.hostname = name
  spec.template.metadata = {
    ...spec.template.metadata,
    labels: { ...spec.template.metadata?.labels, [nameLabel]: name },
  }
  const written = withImage(claims, image).map((claim) => ({
    ...claim,
    metadata: { ...claim.metadata, name: renamed.get(claim.metadata.name ?? '') },
  }))
  return {
    metadata: {
      name,
      namespace,
      labels: { ...metadata.labels },
      annotations: { ...annotations, [claimTemplatesAnnotation]: JSON.stringify(written) },
    },
    spec,
  }
}

/** The first claim without an image gets the one that was asked for; in a template of an ISO image that is the CD-ROM's. */
function withImage(claims: readonly ClaimTemplate[], image: TemplateMachine['image']): ClaimTemplate[] {
  const open = claims.findIndex(({ metadata }) => !metadata.annotations?.[imageIdAnnotation])
  return claims.map((claim, index) =>
    image === undefined || index !== open
      ? claim
      : {
          ...claim,
          metadata: {
            ...claim.metadata,
            annotations: { ...claim.metadata.annotations, [imageIdAnnotation]: image.name },
          },
          spec: { ...claim.spec, storageClassName: image.storageClass },
        },
  )
}

/** The names of several machines that are made at once: `web-01` to `web-10`. */
export function numberedNames(prefix: string, count: number): string[] {
  if (count === 1) return [prefix]
  return Array.from({ length: count }, (_, index) => `${prefix}-${String(index + 1).padStart(2, '0')}`)
}

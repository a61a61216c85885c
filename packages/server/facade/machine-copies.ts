import { collectionPath, namespaceOf, textInput } from '@thresher/api/action-call'
import type { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import type { Secret } from '@thresher/api/core/secret'
import { isReason } from '@thresher/api/error'
import type { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { claimTemplatesAnnotation } from '@thresher/api/kubevirt/claim-templates'
import { reservedMemoryAnnotation } from '@thresher/api/kubevirt/guest-memory'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { KubeObject } from '@thresher/api/meta'
import { imageIdAnnotation } from '@thresher/api/names'
import { imageClassName } from '@thresher/controllers/image/image'
import { machineSecrets, renameSecrets } from '@thresher/controllers/virtual-machine-backup/machine-secrets'
import { claimNames } from '@thresher/controllers/virtual-machine/claims'
import { readObject } from './answer.ts'
import type { FacadeCall } from './context.ts'

const harvester = 'harvesterhci.io/v1beta1'

/**
 * `clone {targetVm, runStrategy?}`: a machine with the same spec, copies of all its volumes and of the Secrets that its guest is given.
 * The volumes share their data until either is written. Addresses, host name and identity are new.
 */
export async function cloneMachine(call: FacadeCall, object: KubeObject): Promise<undefined> {
  const input = readObject(call)
  const name = textInput(input, 'targetVm')
  const source = object as VirtualMachine
  const { labels, annotations } = source.metadata
  const namespace = namespaceOf(source.metadata)
  const claims = await claimsOf(call, source)
  const copies = new Map(claims.map((claim) => [nameOf(claim), `${name}-${volumeOf(source, claim)}`]))
  const spec = withClaims(withoutIdentity(source.spec), copies)
  spec.template.spec.hostname = name
  if (typeof input.runStrategy === 'string' && input.runStrategy) {
    delete spec.running
    spec.runStrategy = input.runStrategy
  }
  const secrets = machineSecrets(spec.template.spec)
  spec.template.spec = renameSecrets(
    spec.template.spec,
    new Map(secrets.map((secret) => [secret, copyName(name, secret)])),
  )
  const templates = claims.map((claim) => ({
    metadata: { name: copies.get(nameOf(claim)), annotations: imageOf(claim) },
    spec: { ...shapeOf(claim), dataSource: { kind: 'PersistentVolumeClaim', name: nameOf(claim) } },
  }))
  const reserved = annotations?.[reservedMemoryAnnotation]
  const made = await create<VirtualMachine>(call, 'kubevirt.io/v1', 'virtualmachines', namespace, {
    metadata: {
      name,
      namespace,
      labels,
      annotations: {
        [claimTemplatesAnnotation]: JSON.stringify(templates),
        ...(reserved ? { [reservedMemoryAnnotation]: reserved } : {}),
      },
    },
    spec,
  })
  await copySecrets(call, secrets, made)
  return undefined
}

/**
 * `createTemplate {name, description?, withData?}`: a template and its first version with the machine's spec, without addresses. With
 * data, each of its volumes is read out to an image, of which machines of the template are made.
 */
export async function createTemplate(call: FacadeCall, object: KubeObject): Promise<undefined> {
  const input = readObject(call)
  const name = textInput(input, 'name')
  const source = object as VirtualMachine
  const namespace = namespaceOf(source.metadata)
  const description = typeof input.description === 'string' ? input.description : ''
  await create(call, harvester, 'virtualmachinetemplates', namespace, {
    metadata: { name, namespace },
    spec: { description },
  })
  const images = input.withData === true ? await imagesOf(call, source, name) : undefined
  await create(call, harvester, 'virtualmachinetemplateversions', namespace, {
    metadata: { generateName: `${name}-`, namespace },
    spec: {
      templateId: `${namespace}/${name}`,
      vm: {
        metadata: { annotations: { ...source.metadata.annotations, ...images } },
        spec: withoutIdentity(source.spec),
      },
    },
  })
  return undefined
}

/** Images of a machine's volumes, and the annotation by which machines get volumes of those. */
async function imagesOf(call: FacadeCall, source: VirtualMachine, template: string): Promise<Record<string, string>> {
  const namespace = namespaceOf(source.metadata)
  const templates = []
  for (const claim of await claimsOf(call, source)) {
    const image = await create<VirtualMachineImage>(call, harvester, 'virtualmachineimages', namespace, {
      metadata: { generateName: 'image-', namespace },
      spec: {
        displayName: `${template}-${volumeOf(source, claim)}`,
        sourceType: 'export-from-volume',
        pvcName: nameOf(claim),
        pvcNamespace: namespace,
      },
    })
    templates.push({
      metadata: { name: nameOf(claim), annotations: { [imageIdAnnotation]: `${namespace}/${image.metadata.name}` } },
      spec: { ...shapeOf(claim), storageClassName: imageClassName(image) },
    })
  }
  return { [claimTemplatesAnnotation]: JSON.stringify(templates) }
}

/** The claims of a machine's volumes, as the caller may read them. */
function claimsOf(call: FacadeCall, { metadata, spec }: VirtualMachine): Promise<PersistentVolumeClaim[]> {
  const base = collectionPath('v1', 'persistentvolumeclaims', namespaceOf(metadata))
  return Promise.all(
    claimNames(spec.template.spec).map((name) =>
      call.api.request<PersistentVolumeClaim>({ method: 'GET', path: `${base}/${encodeURIComponent(name)}` }),
    ),
  )
}

function nameOf({ metadata }: PersistentVolumeClaim): string {
  return metadata.name ?? ''
}

/** The name that a machine has for one of its claims. */
function volumeOf({ spec }: VirtualMachine, claim: PersistentVolumeClaim): string {
  const volume = spec.template.spec.volumes?.find((one) => claimNames({ volumes: [one] }).includes(nameOf(claim)))
  return volume?.name ?? nameOf(claim)
}

/** What a copy of a claim asks for: no less than the volume has become. */
function shapeOf({ spec, status }: PersistentVolumeClaim): Partial<PersistentVolumeClaim['spec']> {
  const { accessModes, volumeMode, storageClassName, resources } = spec
  const storage = status?.capacity?.['storage'] ?? resources?.requests?.['storage'] ?? '0'
  return { accessModes, volumeMode, storageClassName, resources: { requests: { storage } } }
}

function imageOf({ metadata }: PersistentVolumeClaim): Record<string, string> {
  const image = metadata.annotations?.[imageIdAnnotation]
  return image ? { [imageIdAnnotation]: image } : {}
}

/** A spec whose addresses and identity are given out anew. */
function withoutIdentity(before: VirtualMachine['spec']): VirtualMachine['spec'] {
  const spec = structuredClone(before)
  const { domain } = spec.template.spec
  for (const card of domain.devices.interfaces ?? []) delete card.macAddress
  if (domain.firmware) {
    delete domain.firmware.uuid
    delete domain.firmware.serial
  }
  return spec
}

/** The spec with other claims in the place of its own. */
function withClaims(spec: VirtualMachine['spec'], copies: ReadonlyMap<string, string>): VirtualMachine['spec'] {
  // Their claims would be made anew, without the data.
  delete spec.dataVolumeTemplates
  for (const volume of spec.template.spec.volumes ?? []) {
    const claim = volume.persistentVolumeClaim ?? volume.ephemeral?.persistentVolumeClaim
    if (claim) claim.claimName = copies.get(claim.claimName) ?? claim.claimName
    if (volume.dataVolume) {
      volume.persistentVolumeClaim = { claimName: copies.get(volume.dataVolume.name) ?? volume.dataVolume.name }
      delete volume.dataVolume
    }
  }
  return spec
}

function copyName(machine: string, secret: string): string {
  return `${machine}-${secret}`
}

/** Copies of Secrets that go with the machine they are for. */
async function copySecrets(call: FacadeCall, names: readonly string[], machine: VirtualMachine): Promise<void> {
  const { name = '', uid = '' } = machine.metadata
  const namespace = namespaceOf(machine.metadata)
  const base = collectionPath('v1', 'secrets', namespace)
  for (const secret of names) {
    try {
      const { type, data } = await call.api.request<Secret>({
        method: 'GET',
        path: `${base}/${encodeURIComponent(secret)}`,
      })
      const ownerReferences = [{ apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', name, uid }]
      const metadata = { name: copyName(name, secret), namespace, ownerReferences }
      await create(call, 'v1', 'secrets', namespace, { metadata, type, data })
    } catch (error) {
      // A machine may name what is not there.
      if (!isReason(error, 'NotFound')) throw error
    }
  }
}

function create<O>(call: FacadeCall, apiVersion: string, plural: string, namespace: string, body: object): Promise<O> {
  const path = collectionPath(apiVersion, plural, namespace)
  // As it would go over the wire: without fields that are undefined.
  const sent: unknown = JSON.parse(JSON.stringify(body))
  return call.api.request<O>({ method: 'POST', path, body: sent, signal: call.request.signal })
}

import type { FieldError } from '@thresher/api/error'
import { ApiError } from '@thresher/api/error'
import { KeyPair } from '@thresher/api/harvester/key-pair'
import { VirtualMachineTemplate } from '@thresher/api/harvester/virtual-machine-template'
import { VirtualMachineTemplateVersion } from '@thresher/api/harvester/virtual-machine-template-version'
import type { AdmissionStep } from '@thresher/apiserver/admission'
import { concerns, type Lookup } from './request.ts'

/** What must hold between a template, its versions and the keys that they name. */
export function templateVersions(objects: () => Lookup): AdmissionStep {
  return {
    name: 'TemplateVersions',
    validate(request) {
      if (concerns(request, VirtualMachineTemplateVersion, 'CREATE'))
        return checkKeys(request.object as VirtualMachineTemplateVersion, objects())
      if (concerns(request, VirtualMachineTemplateVersion, 'DELETE'))
        return refuseDefault(request.oldObject as VirtualMachineTemplateVersion | undefined, objects())
      if (concerns(request, VirtualMachineTemplate, 'CREATE', 'UPDATE'))
        return checkDefault(
          request.object as VirtualMachineTemplate,
          request.oldObject as VirtualMachineTemplate | undefined,
          objects(),
        )
    },
  }
}

function checkKeys({ spec }: VirtualMachineTemplateVersion, objects: Lookup): FieldError[] {
  return (spec.keyPairIds ?? []).flatMap((id, index) => {
    const [namespace = '', name = ''] = id.split('/')
    if (objects.get<KeyPair>(KeyPair, namespace, name)) return []
    const message = `KeyPairID ${id} is invalid: name a KeyPair that exists, as namespace/name`
    return [{ field: `spec.keyPairIds[${index}]`, message }]
  })
}

/** @throws {ApiError} for the default one, as long as its template is there */
function refuseDefault(version: VirtualMachineTemplateVersion | undefined, objects: Lookup): undefined {
  if (!version) return undefined
  const [namespace = '', name = ''] = version.spec.templateId.split('/')
  const template = objects.get<VirtualMachineTemplate>(VirtualMachineTemplate, namespace, name)
  const id = `${version.metadata.namespace}/${version.metadata.name}`
  if (!template || template.metadata.deletionTimestamp || template.spec?.defaultVersionId !== id) return undefined
  throw new ApiError(
    'BadRequest',
    `Cannot delete the default templateVersion: make another one the default of ${namespace}/${name} first, or delete the template`,
  )
}

/** The default can be moved, to a version of the same template. */
function checkDefault(
  { metadata, spec }: VirtualMachineTemplate,
  before: VirtualMachineTemplate | undefined,
  objects: Lookup,
): FieldError[] {
  const id = spec?.defaultVersionId
  if (!id || id === before?.spec?.defaultVersionId || !before) return []
  const [namespace = '', name = ''] = id.split('/')
  const version = objects.get<VirtualMachineTemplateVersion>(VirtualMachineTemplateVersion, namespace, name)
  if (version?.spec.templateId === `${metadata.namespace}/${metadata.name}`) return []
  return [
    {
      field: 'spec.defaultVersionId',
      message: `${id} is not a version of this template; name one of its VirtualMachineTemplateVersions, as namespace/name`,
    },
  ]
}

import type { CustomResourceDefinition } from '@thresher/api/apiextensions/custom-resource-definition'
import type { AdmissionRequest, AdmissionStep } from '../admission.ts'
import { cleanupFinalizer } from './conditions.ts'
import { checkDefinition } from './definition-rules.ts'

/** Checks CustomResourceDefinitions, and gives new ones the finalizer that lets their objects go first. */
export const definitionAdmission: AdmissionStep = {
  name: 'CustomResourceDefinition',
  mutate(request) {
    if (!concerns(request) || request.operation !== 'CREATE' || !request.object) return
    const { metadata } = request.object
    if (metadata.finalizers?.includes(cleanupFinalizer)) return
    metadata.finalizers = [...(metadata.finalizers ?? []), cleanupFinalizer]
  },
  validate(request) {
    if (!concerns(request) || !request.object || request.operation === 'DELETE') return undefined
    const definition = request.object as CustomResourceDefinition
    // What is on its way out must be able to lose its finalizer, whatever its schema.
    return definition.metadata.deletionTimestamp ? undefined : checkDefinition(definition)
  },
}

function concerns({ kind, subresource }: AdmissionRequest): boolean {
  return kind.group === 'apiextensions.k8s.io' && kind.kind === 'CustomResourceDefinition' && subresource === ''
}

import type { KubeObject } from '@thresher/api/meta'

/** What a workload needs of its namespace. */
export interface References {
  secrets: Set<string>
  configmaps: Set<string>
  persistentvolumeclaims: Set<string>
}

/**
 * The Secrets, ConfigMaps and claims that an object's spec names.
 *
 * Pods and machines have dozens of places for such names (volumes, environment, cloud-init, sysprep, access credentials,
 * pull secrets). All follow the API's naming of reference fields, so the spec is searched for these instead of listing the places.
 */
export function referencesOf(object: KubeObject): References {
  const references: References = { secrets: new Set(), configmaps: new Set(), persistentvolumeclaims: new Set() }
  visit((object as { spec?: unknown }).spec, '', references)
  return references
}

const secretFields = new Set([
  'secret',
  'secretRef',
  'secretKeyRef',
  'networkDataSecretRef',
  'nodePublishSecretRef',
  'imagePullSecrets',
])
const configMapFields = new Set(['configMap', 'configMapRef', 'configMapKeyRef'])

function visit(value: unknown, field: string, references: References): void {
  if (Array.isArray(value)) {
    for (const entry of value) visit(entry, field, references)
    return
  }
  if (typeof value !== 'object' || value === null) return
  const { name, secretName, claimName } = value as { name?: unknown; secretName?: unknown; claimName?: unknown }
  if (secretFields.has(field)) {
    if (typeof name === 'string') references.secrets.add(name)
    if (typeof secretName === 'string') references.secrets.add(secretName)
  }
  if (configMapFields.has(field) && typeof name === 'string') references.configmaps.add(name)
  if (field === 'persistentVolumeClaim' && typeof claimName === 'string')
    references.persistentvolumeclaims.add(claimName)
  if ((field === 'dataVolume' || field === 'ephemeral') && typeof name === 'string')
    references.persistentvolumeclaims.add(name)
  for (const [key, inner] of Object.entries(value)) if (typeof inner === 'object') visit(inner, key, references)
}

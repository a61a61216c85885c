import type { Kind } from '@thresher/api/kind'
import type { Registry } from '@thresher/apiserver/registry'

/** The name of a kind in this API: `pod`, `kubevirt.io.virtualmachine`. */
export function schemaId(kind: Pick<Kind, 'group' | 'kind'>): string {
  const name = kind.kind.toLowerCase()
  return kind.group ? `${kind.group}.${name}` : name
}

/** The name of a kind's collection: `pods`, `kubevirt.io.virtualmachines`. */
export function pluralName(kind: Pick<Kind, 'group' | 'plural'>): string {
  return kind.group ? `${kind.group}.${kind.plural}` : kind.plural
}

/** The kinds that this API shows: those with objects, each in the version that is stored. */
export function shownKinds(registry: Registry): Kind[] {
  return [...registry.resources()].map((resource) => resource.storageKind)
}

/** The kind of a name, in singular or plural. */
export function findKind(registry: Registry, name: string): Kind | undefined {
  const wanted = name.toLowerCase()
  return shownKinds(registry).find((kind) => pluralName(kind) === wanted || schemaId(kind) === wanted)
}

/** The path of a kind's collection, or of one object, in the Kubernetes API. */
export function kubernetesPath(kind: Kind, namespace = '', name = ''): string {
  const base = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`
  const inNamespace = kind.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : ''
  return `${base}${inNamespace}/${kind.plural}${name ? `/${encodeURIComponent(name)}` : ''}`
}

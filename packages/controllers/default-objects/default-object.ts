import type { TypedKind } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import { keyOf } from '@thresher/client/paths'

/** An object that every cluster has from the start. */
export interface DefaultObject {
  kind: TypedKind<KubeObject>
  object: KubeObject
}

/** A default object, its fields checked against its kind. */
export function defaultObject<O extends KubeObject>(kind: TypedKind<O>, object: O): DefaultObject {
  return { kind: kind as unknown as TypedKind<KubeObject>, object }
}

/** By which the controller knows it: `addons/harvester-system/seeder`. */
export function defaultKey({ kind, object }: DefaultObject): string {
  return `${kind.plural}/${keyOf(object)}`
}

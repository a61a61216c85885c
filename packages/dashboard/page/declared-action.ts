import { requestOf } from '@thresher/api/action-call'
import type { ActionCall, Kind } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import type { Transport } from '@thresher/client/transport'
import type { TextKey } from '../text/text.ts'
import type { Action } from './page.ts'

/** An action of a kind's declaration, as it is declared. */
interface Declared {
  name: string
  notBuilt?: string
  offered?(object: KubeObject): boolean
  calls?(object: KubeObject, input: Record<string, unknown>): ActionCall[]
}

/** What a page adds to an action that its kind declares. */
export interface DeclaredOptions extends Partial<Omit<Action, 'id' | 'title' | 'run' | 'right'>> {
  right: Pick<Action['right'], 'resource'> & Partial<Action['right']>
  /** The field of the input that what was asked for goes into. */
  field?: string
}

/**
 * An action that the kind itself declares: when it is offered, and which API calls it is. One that must look at other objects first has
 * no calls of its own and is carried out by the REST facade, where it is the same action.
 */
export function declaredAction(kind: Kind, name: string, title: TextKey, options: DeclaredOptions): Action {
  const { right, field = 'name', offered = () => true, ...more } = options
  const declared = kind.actions?.find((one) => one.name === name) as Declared | undefined
  return {
    id: name,
    title,
    right: { verb: 'update', group: kind.group, ...right },
    offered: (object) =>
      declared?.notBuilt === undefined &&
      !object.metadata.deletionTimestamp &&
      offered(object) &&
      (declared?.offered?.(object) ?? true),
    run: (object, { transport }, input) =>
      callDeclared(kind, name, object, input === undefined ? {} : { [field]: input }, transport),
    ...more,
  }
}

/** Carry an action of a kind's declaration out. @throws {ApiError} */
export async function callDeclared(
  kind: Kind,
  name: string,
  object: KubeObject,
  input: Record<string, unknown>,
  transport: Transport,
): Promise<void> {
  const declared = kind.actions?.find((one) => one.name === name) as Declared | undefined
  if (!declared?.calls) {
    const { namespace = '', name: objectName = '' } = object.metadata
    const path = `/v1/harvester/${kind.group ? `${kind.group}.` : ''}${kind.plural}/${encodeURIComponent(namespace)}/${encodeURIComponent(objectName)}`
    await transport.request({ method: 'POST', path, query: { action: name }, body: input })
    return
  }
  for (const call of declared.calls(object, input)) await transport.request(requestOf(call))
}

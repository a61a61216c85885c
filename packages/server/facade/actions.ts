import type { Kind } from '@thresher/api/kind'
import type { Answer } from '@thresher/apiserver/request'
import { empty, FacadeError, json, readObject } from './answer.ts'
import { collectionActions } from './collection-actions.ts'
import type { FacadeCall } from './context.ts'
import { schemaId } from './schema-names.ts'
import { read, type Target } from './target.ts'

/** Carry out `?action=…` on an object, by the API calls that its kind declares for it, as the caller. */
export async function runAction(call: FacadeCall, target: Target, name: string): Promise<Answer> {
  const { kind } = target
  if (!target.name) {
    const action = collectionActions[`${schemaId(kind)} ${name}`]
    if (!action) throw invalid(kind, name)
    return json(200, await action(call, readObject(call)))
  }
  const action = kind.actions?.find((one) => one.name === name)
  if (!action?.calls) throw invalid(kind, name)
  const object = await read(call, target)
  if (action.offered && !action.offered(object as never))
    throw new FacadeError(405, 'InvalidAction', `${name} is not possible in the present state of ${target.name}`)
  for (const step of action.calls(object as never, readObject(call))) {
    const contentType = step.method === 'PATCH' ? 'application/merge-patch+json' : undefined
    await call.api.request({ ...step, contentType, signal: call.request.signal })
  }
  return empty()
}

function invalid(kind: Kind, name: string): FacadeError {
  return new FacadeError(405, 'InvalidAction', `${schemaId(kind)} has no action ${JSON.stringify(name)}`)
}

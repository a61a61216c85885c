import { requestOf } from '@thresher/api/action-call'
import { ApiError } from '@thresher/api/error'
import type { Kind } from '@thresher/api/kind'
import type { Answer } from '@thresher/apiserver/request'
import { empty, FacadeError, json, readObject } from './answer.ts'
import { collectionActions } from './collection-actions.ts'
import type { FacadeCall } from './context.ts'
import { objectActions } from './object-actions.ts'
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
  const special = objectActions[`${schemaId(kind)} ${name}`]
  if (!action || !(action.notBuilt ?? action.calls ?? special)) throw invalid(kind, name)
  const object = await read(call, target)
  if (action.notBuilt) throw new ApiError('NotImplemented', action.notBuilt)
  if (action.offered && !action.offered(object as never))
    throw new FacadeError(405, 'InvalidAction', `${name} is not possible in the present state of ${target.name}`)
  if (special) {
    const answer = await special(call, object)
    return answer ? json(200, answer) : empty()
  }
  for (const step of action.calls?.(object as never, readObject(call)) ?? [])
    await call.api.request({ ...requestOf(step), signal: call.request.signal })
  return empty()
}

function invalid(kind: Kind, name: string): FacadeError {
  return new FacadeError(405, 'InvalidAction', `${schemaId(kind)} has no action ${JSON.stringify(name)}`)
}

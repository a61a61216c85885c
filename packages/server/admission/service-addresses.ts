import { Service } from '@thresher/api/core/service'
import type { FieldError } from '@thresher/api/error'
import type { AdmissionRequest, AdmissionStep } from '@thresher/apiserver/admission'
import type { Objects } from '@thresher/apiserver/auth/objects'
import { concerns } from './request.ts'
import { allocate, checkAllocation, taken } from './service-allocation.ts'

/** How long a write that got something may take until it is in the cache; after that others get it. */
const holdMs = 60_000
/** How long what was chosen waits for the rest of admission, which may refuse the write. */
const choiceMs = 5000

interface Hold {
  uid: string
  until: number
  /** Chosen, but the rest of admission may still refuse the write: others avoid it as long as there is something else. */
  isChoice: boolean
}

/**
 * Gives each Service an address and ports of the nodes that no other has.
 *
 * What is taken is read off the Services themselves, so a deletion frees it by itself. Between the choice and the write's
 * arrival in the cache it is held here, so that of creations at once no two get the same.
 */
export function serviceAddresses(objects: () => Pick<Objects, 'list' | 'follow'>): AdmissionStep {
  const holds = new Map<string, Hold>()
  let unfollow: (() => void) | undefined
  const release = (uid: string) => {
    for (const [key, hold] of holds) if (hold.uid === uid) holds.delete(key)
  }
  const isHeld = (key: string, uid: string) => {
    const hold = holds.get(key)
    return hold !== undefined && hold.uid !== uid && hold.until > Date.now() ? hold : undefined
  }
  const hold = (keys: Iterable<string>, uid: string, isChoice: boolean) => {
    const until = Date.now() + (isChoice ? choiceMs : holdMs)
    unfollow ??= objects().follow<Service>(Service, ({ object, previous }) => {
      if (holds.size > 0) release((object ?? previous)?.metadata.uid ?? '')
    })
    for (const key of keys) holds.set(key, { uid, until, isChoice })
  }
  const others = (uid: string) => {
    const keys = new Set<string>()
    for (const service of objects().list<Service>(Service))
      if (service.metadata.uid !== uid) for (const key of taken(service).keys()) keys.add(key)
    return keys
  }
  return {
    name: 'ServiceAddresses',
    mutate(request) {
      const change = changeOf(request)
      if (!change) return
      const { service, before, uid } = change
      const used = others(uid)
      const spec = (service.spec ??= {})
      const own = new Set([...taken(service).keys(), ...(before ? taken(before).keys() : [])])
      allocate(spec, before?.spec, (key) => !used.has(key) && !isHeld(key, uid), Math.random)
      allocate(spec, before?.spec, (key) => !used.has(key) && (isHeld(key, uid)?.isChoice ?? true), Math.random)
      const chosen = [...taken(service).keys()].filter((key) => !own.has(key))
      if (!request.dryRun) hold(chosen, uid, true)
    },
    validate(request) {
      const change = changeOf(request)
      if (!change) return
      const { service, before, uid } = change
      const known = before ? taken(before) : new Map<string, string>()
      const fresh = new Map([...taken(service)].filter(([key]) => !known.has(key)))
      const used = others(uid)
      const errors: FieldError[] = checkAllocation(service)
      for (const [key, field] of fresh)
        if (used.has(key) || isHeld(key, uid)?.isChoice === false)
          errors.push({ field, message: `${key} belongs to another Service; choose another or leave it out` })
      if (errors.length > 0) return errors
      if (request.dryRun || fresh.size === 0) return
      hold(fresh.keys(), uid, false)
      return { undo: () => release(uid) }
    },
  }
}

function changeOf(request: AdmissionRequest): { service: Service; before?: Service; uid: string } | undefined {
  const { object, oldObject } = request
  // What is being deleted only loses finalizers.
  if (!concerns(request, Service, 'CREATE', 'UPDATE') || !object || object.metadata.deletionTimestamp) return undefined
  return { service: object as Service, before: oldObject as Service | undefined, uid: object.metadata.uid ?? '' }
}

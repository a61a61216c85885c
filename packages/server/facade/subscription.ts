/** What a client asks to be told of. */
export interface SubscribeRequest {
  resourceType: string
  resourceVersion?: string
  namespace?: string
  id?: string
  selector?: string
  stop?: boolean
  /** `resource.changes` tells only that something changed. */
  mode?: string
  debounceMs?: number
}

/** Sends one message, unless the client has gone. */
export type Send = (message: Record<string, unknown>) => void

/** The part of a message that says which subscription it belongs to. */
export function about({ resourceType, namespace, id, selector, mode }: SubscribeRequest): Record<string, unknown> {
  const given = Object.entries({ resourceType, namespace, id, selector, mode })
  return Object.fromEntries(given.filter(([, value]) => value !== undefined && value !== ''))
}

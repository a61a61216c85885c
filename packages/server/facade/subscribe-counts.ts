import type { FacadeCall } from './context.ts'
import { countObjects, type Count } from './counts.ts'
import { about, type Send, type SubscribeRequest } from './subscription.ts'

const debounceMs = 5000

/** Tell how many objects there are of the kinds whose number has changed, at most every five seconds. */
export async function countSubscription(
  call: FacadeCall,
  request: SubscribeRequest,
  send: Send,
  signal: AbortSignal,
): Promise<void> {
  const subject = about(request)
  send({ ...subject, name: 'resource.start' })
  let known = await countObjects(call)
  let timer: NodeJS.Timeout | undefined
  const tell = async () => {
    timer = undefined
    const now = await countObjects(call)
    const counts = Object.fromEntries(Object.entries(now).filter(([id, count]) => !same(known[id], count)))
    known = now
    if (Object.keys(counts).length > 0 && !signal.aborted)
      send({ ...subject, name: 'resource.change', data: { id: 'count', type: 'count', links: {}, counts } })
  }
  const stops = [...call.parts.server().registry.resources()].map(({ cache }) =>
    cache.onChange(() => {
      timer ??= setTimeout(() => void tell(), debounceMs)
    }),
  )
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
  clearTimeout(timer)
  for (const stop of stops) stop()
}

function same(a: Count | undefined, b: Count): boolean {
  return a?.summary.count === b.summary.count && JSON.stringify(a.namespaces) === JSON.stringify(b.namespaces)
}

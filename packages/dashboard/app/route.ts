import { useMemo, useSyncExternalStore } from 'react'

/** Where in the dashboard the user is: the parts of the path behind `#`, and its query. */
export interface Route {
  parts: readonly string[]
  query: URLSearchParams
}

/** A place as it stands in the address: `#/machines/default/web?tab=yaml`. */
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?')
  return { parts: path.split('/').filter(Boolean).map(decode), query: new URLSearchParams(query) }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** The address of a place, for links. Empty values of the query are left out. */
export function hrefOf(parts: readonly (string | undefined)[], query: Record<string, string | undefined> = {}): string {
  const path = parts
    .filter((part) => part !== undefined && part !== '')
    .map((part) => encodeURIComponent(part as string))
    .join('/')
  const given = Object.entries(query).filter((entry): entry is [string, string] => Boolean(entry[1]))
  const text = new URLSearchParams(given).toString()
  return `#/${path}${text ? `?${text}` : ''}`
}

/** Go to a place. @param replace without a step in the browser's history, as for filters */
export function go(href: string, replace = false): void {
  if (!replace) {
    location.hash = href
    return
  }
  history.replaceState(null, '', href)
  window.dispatchEvent(new HashChangeEvent('hashchange'))
}

const subscribe = (listener: () => void) => {
  window.addEventListener('hashchange', listener)
  return () => window.removeEventListener('hashchange', listener)
}

export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => location.hash)
  return useMemo(() => parseRoute(hash), [hash])
}

/** Change the query of the place where the user is, without a step in the history. */
export function setQuery(route: Route, changes: Record<string, string | undefined>): void {
  go(hrefOf(route.parts, { ...Object.fromEntries(route.query), ...changes }), true)
}

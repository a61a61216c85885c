import type { Credentials } from '../../user.ts'

/** The cookie of the dashboard: a browser takes one of this name only over TLS, for all paths, and from this very host. */
export const dashboardCookie = '__Host-thresher'
/** The cookie of clients of Rancher's login. */
export const rancherCookie = 'R_SESS'

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * The session token that a browser's cookie carries.
 *
 * A browser sends the cookie with what any page makes it send, so the cookie counts only for requests that come from our
 * own pages: those the browser marks as such, or whose Origin is this very host. What could change something, or opens a WebSocket, must
 * say where it comes from; only Rancher's cookie, which programs use as well, is taken without.
 */
export function sessionCookie({ headers, method }: Pick<Credentials, 'headers' | 'method'>): string | undefined {
  const { cookie, origin } = headers
  if (typeof cookie !== 'string' || headers.authorization) return undefined
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return undefined
  if (origin !== undefined && !isOwnOrigin(origin, headers)) return undefined
  const ours = valueOf(cookie, dashboardCookie)
  if (ours === undefined) return valueOf(cookie, rancherCookie)
  const isUnsafe = headers.upgrade !== undefined || (method !== undefined && !safeMethods.has(method))
  return isUnsafe && origin === undefined ? undefined : ours
}

/** Whether a page with this Origin is one of ours. Behind a proxy the host is what it was there; no page of another site can say that. */
export function isOwnOrigin(origin: unknown, headers: Credentials['headers']): boolean {
  const forwarded = String(headers['x-forwarded-host'] ?? '')
    .split(',')[0]
    ?.trim()
  return [headers.host, forwarded].some(
    (host) => typeof host === 'string' && host !== '' && origin === `https://${host}`,
  )
}

/** The value of the only cookie of this name. */
function valueOf(cookies: string, name: string): string | undefined {
  const found = cookies
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part.startsWith(`${name}=`))
  if (found.length !== 1) return undefined
  try {
    return decodeURIComponent((found[0] as string).slice(name.length + 1))
  } catch {
    return undefined
  }
}

import { join } from 'node:path'
import type { RouteHandler } from '@thresher/apiserver/subresource'
import { assetRoutes } from './assets.ts'
import { sessionRoutes, type SessionParts } from './session.ts'

/** Where the dashboard's build step writes, seen from here: beside its source. */
const builtFolder = join(import.meta.dirname, '../../dashboard/dist')

/** The dashboard: its files at `/`, and sessions for browsers at `/session`. All else it does over the Kubernetes API. */
export function dashboardRoutes(parts: SessionParts, folder = builtFolder): RouteHandler[] {
  return [...sessionRoutes(parts), ...assetRoutes(folder)]
}

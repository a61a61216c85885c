import { valueAnswer } from './request.ts'
import type { RouteHandler } from './subresource.ts'

/** /version. @param version the product's */
export function versionRoute(version: string): RouteHandler {
  return {
    method: 'GET',
    path: '/version',
    anonymous: true,
    handle: () => Promise.resolve(valueAnswer(200, versionInfo(version))),
  }
}

/** The version of Kubernetes whose API this is. Clients compare it before they use newer features. */
const kubernetes = { major: '1', minor: '34', patch: '1' }

function versionInfo(version: string): Record<string, string> {
  const { major, minor, patch } = kubernetes
  return {
    major,
    minor,
    gitVersion: `v${major}.${minor}.${patch}+thresher-${version}`,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: `node-${process.versions.node}`,
    compiler: 'v8',
    platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  }
}

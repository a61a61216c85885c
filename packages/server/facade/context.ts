import type { Setting } from '@thresher/api/harvester/setting'
import type { ApiServer } from '@thresher/apiserver/api-server'
import type { BearerTokens } from '@thresher/apiserver/auth/local/bearer-tokens'
import type { LocalUsers } from '@thresher/apiserver/auth/local/local-users'
import type { FileCall } from '../subresources/image-files.ts'
import type { InProcessTransport } from '@thresher/apiserver/in-process-transport'
import type { ServerRequest } from '@thresher/apiserver/request'
import type { Authorizer, User } from '@thresher/apiserver/user'

/** What the facade stands on. It has no state of its own. */
export interface FacadeParts {
  /** The API that it shows; asked for at each request, since the API server is made with the facade's routes. */
  server: () => ApiServer
  authorizer: Authorizer
  users: LocalUsers
  tokens: BearerTokens
  /** The authority of the server's certificate, in PEM. */
  ca: string
  /** Passes an image's file to its node; see `image-files.ts` of the controllers. */
  uploadImage: (call: FileCall) => Promise<{ status: number; body: unknown }>
}

/** One request on the facade. */
export interface FacadeCall {
  parts: FacadeParts
  request: ServerRequest
  user: User
  /** The API, as this user. */
  api: InProcessTransport
  /** What links begin with: `https://host:6443/v1/harvester`, or with `/v1`. */
  base: string
  /** The server's address with the prefix of a proxy in front: `https://host:6443`. */
  origin: string
  /** What follows the base in the path, decoded, without empty parts. */
  path: string[]
}

/** Whether the caller has shown who it is. */
export function isKnown(user: User): boolean {
  return user.groups.includes('system:authenticated')
}

/** A Setting object of this cluster, if it is there. */
export function findSetting({ parts }: Pick<FacadeCall, 'parts'>, name: string): Setting | undefined {
  return parts.server().objects.get<Setting>({ group: 'harvesterhci.io', plural: 'settings' }, '', name)
}

/** The address under which the client reached us, as links and kubeconfigs name it. */
export function originOf({ headers }: Pick<ServerRequest, 'headers'>): string {
  const first = (name: string) => (typeof headers[name] === 'string' ? headers[name].split(',')[0]?.trim() : undefined)
  const host = first('x-forwarded-host') ?? first('host') ?? 'localhost'
  const prefix = first('x-api-url-prefix') ?? ''
  return `${first('x-forwarded-proto') ?? 'https'}://${host}${prefix.startsWith('/') ? prefix : ''}`
}

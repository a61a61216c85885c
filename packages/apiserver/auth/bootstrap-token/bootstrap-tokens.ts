import { timingSafeEqual } from 'node:crypto'
import { ApiError, isReason } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import type { Authenticator, Credentials, User } from '../../user.ts'
import { bearerToken } from '../authenticate.ts'
import type { Objects } from '../objects.ts'

const secrets = { group: '', plural: 'secrets' }
const namespace = 'kube-system'
const secretType = 'bootstrap.kubernetes.io/token'
const tokenForm = /^([a-z0-9]{6})\.([a-z0-9]{16})$/
/** The group of all who show such a token; what it may do is bound to it in the bootstrap policy. */
const bootstrappers = 'system:bootstrappers'
const extraGroup = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/
/** The longest that setTimeout(3) counts. */
const longestTimerMs = 2 ** 31 - 1

interface Secret extends KubeObject {
  type?: string
  data?: Record<string, string>
}

/** A Secret as a token. */
interface BootstrapToken {
  id: string
  secret: string
  /** Without one it does not end. A time that cannot be read has passed. */
  endsAt: number | undefined
  authenticates: boolean
  groups: string[]
}

/**
 * Hosts that are to join, by a token `id.secret` that stands in a Secret of kube-system.
 *
 * @see https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
 */
export class BootstrapTokenAuthenticator implements Authenticator {
  readonly #objects: () => Objects
  readonly #now: () => number

  constructor(objects: () => Objects, now: () => number = Date.now) {
    this.#objects = objects
    this.#now = now
  }

  authenticate(credentials: Credentials): User | undefined {
    const [, id, secret] = tokenForm.exec(bearerToken(credentials) ?? '') ?? []
    if (!id || !secret) return undefined
    const object = this.#objects().get<Secret>(secrets, namespace, `bootstrap-token-${id}`)
    const token = object && readToken(object)
    if (!token || !this.#isGood(token, id, secret)) throw new ApiError('Unauthorized', 'Unauthorized')
    return { name: `system:bootstrap:${id}`, groups: [bootstrappers, ...token.groups] }
  }

  #isGood(token: BootstrapToken, id: string, secret: string): boolean {
    const same =
      token.secret.length === secret.length && timingSafeEqual(Buffer.from(token.secret), Buffer.from(secret))
    const ended = token.endsAt !== undefined && !(token.endsAt > this.#now())
    return same && token.id === id && token.authenticates && !ended
  }
}

/** Delete tokens when they end. @returns a function that stops it */
export function followBootstrapTokens(objects: Objects, onError: (error: unknown) => void): () => void {
  const timers = new Map<string, NodeJS.Timeout>()
  const remove = (name: string) => {
    objects.delete(secrets, namespace, name).catch((error: unknown) => {
      if (!isReason(error, 'NotFound')) onError(error)
    })
  }
  const look = (name: string, object: Secret | undefined): void => {
    clearTimeout(timers.get(name))
    timers.delete(name)
    const endsAt = object && !object.metadata.deletionTimestamp ? readToken(object)?.endsAt : undefined
    if (endsAt === undefined) return
    const left = Math.min(Math.max(endsAt - Date.now(), 0), longestTimerMs)
    timers.set(name, setTimeout(() => (endsAt <= Date.now() ? remove(name) : look(name, object)), left).unref())
  }
  const stop = objects.follow<Secret>(secrets, (change) => {
    if (change.namespace === namespace && change.name.startsWith('bootstrap-token-')) look(change.name, change.object)
  })
  return () => {
    stop()
    for (const timer of timers.values()) clearTimeout(timer)
  }
}

function readToken({ type, data = {}, metadata }: Secret): BootstrapToken | undefined {
  if (type !== secretType || metadata.deletionTimestamp) return undefined
  const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString()
  const expiration = text('expiration')
  const endsAt = Date.parse(expiration)
  return {
    id: text('token-id'),
    secret: text('token-secret'),
    endsAt: expiration === '' ? undefined : Number.isNaN(endsAt) ? 0 : endsAt,
    authenticates: text('usage-bootstrap-authentication') === 'true',
    groups: text('auth-extra-groups')
      .split(',')
      .filter((group) => extraGroup.test(group)),
  }
}

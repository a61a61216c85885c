import { randomUUID } from 'node:crypto'
import type { KubeObject } from '@thresher/api/meta'
import { ApiError } from '@thresher/api/error'
import type { User } from '../../user.ts'
import type { Objects, ResourceType } from '../objects.ts'
import type { Claims, TokenKeys } from './jwt.ts'

/** Something whose end ends the token. */
export interface BoundObject {
  kind: 'Pod' | 'Secret' | 'Node'
  name: string
  uid: string
}

/** What a token is made for. Times are seconds since 1970. */
export interface TokenSubject {
  namespace: string
  name: string
  uid: string
  audiences: string[]
  expiresAt: number
  bound?: BoundObject
  /** The node of a bound pod: told in the token, not checked. */
  node?: { name: string; uid?: string }
}

export const serviceAccounts: ResourceType = { group: '', plural: 'serviceaccounts' }
export const secrets: ResourceType = { group: '', plural: 'secrets' }
const boundResources: Record<BoundObject['kind'], ResourceType & { namespaced: boolean }> = {
  Pod: { group: '', plural: 'pods', namespaced: true },
  Secret: { ...secrets, namespaced: true },
  Node: { group: '', plural: 'nodes', namespaced: false },
}
/** The issuer named in tokens that live in Secrets. */
const legacyIssuer = 'kubernetes/serviceaccount'
const legacyClaim = (name: string) => `kubernetes.io/serviceaccount/${name}`
const claim = 'kubernetes.io'

/** Makes and checks service-account tokens. */
export class TokenIssuer {
  readonly issuer: string
  readonly keys: TokenKeys
  readonly #objects: () => Objects
  readonly #now: () => number

  /** @param options.issuer the URL in `iss`, also the audience of tokens that name none */
  constructor(options: { issuer: string; keys: TokenKeys; objects: () => Objects; now?: () => number }) {
    this.issuer = options.issuer
    this.keys = options.keys
    this.#objects = options.objects
    this.#now = options.now ?? Date.now
  }

  issue(subject: TokenSubject): string {
    const now = Math.floor(this.#now() / 1000)
    const { bound } = subject
    return this.keys.sign({
      aud: subject.audiences.length > 0 ? subject.audiences : [this.issuer],
      exp: subject.expiresAt,
      iat: now,
      nbf: now,
      iss: this.issuer,
      jti: randomUUID(),
      sub: userName(subject),
      [claim]: {
        namespace: subject.namespace,
        serviceaccount: { name: subject.name, uid: subject.uid },
        ...(bound ? { [bound.kind.toLowerCase()]: { name: bound.name, uid: bound.uid } } : {}),
        ...(subject.node && bound?.kind !== 'Node' ? { node: subject.node } : {}),
      },
    })
  }

  /** A token without an end, for the Secret of type `kubernetes.io/service-account-token` that holds it. */
  issueLegacy(account: { namespace: string; name: string; uid: string }, secretName: string): string {
    return this.keys.sign({
      iss: legacyIssuer,
      sub: userName(account),
      [legacyClaim('namespace')]: account.namespace,
      [legacyClaim('secret.name')]: secretName,
      [legacyClaim('service-account.name')]: account.name,
      [legacyClaim('service-account.uid')]: account.uid,
    })
  }

  /**
   * Whose token this is.
   *
   * @param audiences one of these must be in the token; the issuer's own unless said
   * @returns undefined for what is not a token of ours
   * @throws {ApiError} Unauthorized for one of ours that has ended, or whose account or bound object is gone
   */
  verify(token: string, audiences: string[] = [this.issuer]): { user: User; audiences: string[] } | undefined {
    const claims = this.keys.verify(token)
    if (!claims) return undefined
    if (claims.iss === legacyIssuer) return this.#verifyLegacy(claims, token, audiences)
    if (claims.iss !== this.issuer) return undefined
    const now = Math.floor(this.#now() / 1000)
    if (!(Number(claims.exp) > now)) throw refused('the token has expired')
    // `nbf` is not looked at: what we signed was good when we did, and a clock that is set back does not change that.
    const own = Array.isArray(claims.aud) ? claims.aud.map(String) : [String(claims.aud)]
    const shared = own.filter((audience) => audiences.includes(audience))
    if (shared.length === 0) throw refused('the token is for another audience')
    const names = record(claims[claim])
    const account = record(names?.serviceaccount)
    const namespace = text(names?.namespace)
    const user = this.#account(namespace, text(account?.name), text(account?.uid))
    const extra: Record<string, string[]> = {
      'authentication.kubernetes.io/credential-id': [`JTI=${text(claims.jti)}`],
    }
    for (const kind of ['Pod', 'Secret', 'Node'] as const) {
      const bound = record(names?.[kind.toLowerCase()])
      if (!bound) continue
      const besidePod = kind === 'Node' && names?.pod !== undefined
      if (!besidePod) this.#requireBound(kind, namespace, text(bound.name), text(bound.uid))
      if (kind !== 'Secret') {
        extra[`authentication.kubernetes.io/${kind.toLowerCase()}-name`] = [text(bound.name)]
        if (bound.uid !== undefined) extra[`authentication.kubernetes.io/${kind.toLowerCase()}-uid`] = [text(bound.uid)]
      }
    }
    return { user: { ...user, extra }, audiences: shared }
  }

  #verifyLegacy(claims: Claims, token: string, audiences: string[]): { user: User; audiences: string[] } {
    if (!audiences.includes(this.issuer)) throw refused('the token is for another audience')
    const namespace = text(claims[legacyClaim('namespace')])
    const secret = this.#objects().get<KubeObject & { data?: Record<string, string> }>(
      secrets,
      namespace,
      text(claims[legacyClaim('secret.name')]),
    )
    const held = Buffer.from(secret?.data?.token ?? '', 'base64').toString()
    if (!secret || secret.metadata.deletionTimestamp || held !== token)
      throw refused('the Secret of the token is gone or holds another one')
    const user = this.#account(
      namespace,
      text(claims[legacyClaim('service-account.name')]),
      text(claims[legacyClaim('service-account.uid')]),
    )
    return { user, audiences: [this.issuer] }
  }

  #account(namespace: string, name: string, uid: string): User {
    const account = this.#objects().get(serviceAccounts, namespace, name)
    if (!account || account.metadata.uid !== uid) throw refused(`the service account ${namespace}/${name} is gone`)
    if (ended(account, this.#now())) throw refused(`the service account ${namespace}/${name} is being deleted`)
    return {
      name: userName({ namespace, name }),
      uid,
      groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`],
    }
  }

  #requireBound(kind: BoundObject['kind'], namespace: string, name: string, uid: string): void {
    const type = boundResources[kind]
    const object = this.#objects().get(type, type.namespaced ? namespace : '', name)
    if (!object || object.metadata.uid !== uid || ended(object, this.#now()))
      throw refused(`the ${kind} ${name} to which the token is bound is gone`)
  }
}

/** The user name of a service account. */
function userName(account: { namespace: string; name: string }): string {
  return `system:serviceaccount:${account.namespace}:${account.name}`
}

/** A pod that is being deleted keeps its tokens for a minute beyond its grace period, so that it can close down in order. */
function ended(object: KubeObject, now: number): boolean {
  const { deletionTimestamp } = object.metadata
  return deletionTimestamp !== undefined && Date.parse(deletionTimestamp) + 60_000 < now
}

function refused(why: string): ApiError {
  return new ApiError('Unauthorized', `Unauthorized: ${why}`)
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const record = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined

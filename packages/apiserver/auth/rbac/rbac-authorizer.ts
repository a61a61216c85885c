import type { Attributes, Authorizer, Decision } from '../../user.ts'
import type { Grant, RbacIndex } from './rbac-index.ts'

/** The group that may do everything, so that an administrator cannot lock himself out by editing roles. */
export const mastersGroup = 'system:masters'

/** Decides by Roles and ClusterRoles and their bindings. */
export class RbacAuthorizer implements Authorizer {
  readonly #index: RbacIndex

  constructor(index: RbacIndex) {
    this.#index = index
  }

  authorize(attributes: Attributes): Decision {
    if (attributes.user.groups.includes(mastersGroup)) return { verdict: 'allow' }
    const namespace = attributes.resourceRequest ? attributes.namespace : ''
    for (const grant of this.#index.grants(attributes.user, namespace))
      for (const rule of grant.rules) if (rule.allows(attributes)) return { verdict: 'allow', reason: explain(grant) }
    return { verdict: 'no-opinion' }
  }
}

/** Asks one authorizer after the other until one allows or denies. */
export class AuthorizerChain implements Authorizer {
  readonly #authorizers: Authorizer[]

  constructor(authorizers: Authorizer[]) {
    this.#authorizers = authorizers
  }

  async authorize(attributes: Attributes): Promise<Decision> {
    const reasons: string[] = []
    for (const authorizer of this.#authorizers) {
      const decision = await authorizer.authorize(attributes)
      if (decision.verdict !== 'no-opinion') return decision
      if (decision.reason) reasons.push(decision.reason)
    }
    return { verdict: 'no-opinion', ...(reasons.length > 0 ? { reason: reasons.join(', ') } : {}) }
  }
}

function explain(grant: Grant): string {
  const binding =
    grant.namespace === ''
      ? `ClusterRoleBinding "${grant.binding}"`
      : `RoleBinding "${grant.binding}/${grant.namespace}"`
  const { kind, name, namespace } = grant.subject
  const subject =
    kind === 'ServiceAccount' ? `ServiceAccount "${name}/${namespace || grant.namespace}"` : `${kind} "${name}"`
  return `RBAC: allowed by ${binding} of ${grant.roleRef.kind} "${grant.roleRef.name}" to ${subject}`
}

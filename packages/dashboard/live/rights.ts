import type { KindAddress } from '@thresher/client/paths'

/** One rule of a SelfSubjectRulesReview. */
export interface Rule {
  verbs: readonly string[]
  apiGroups?: readonly string[]
  resources?: readonly string[]
  resourceNames?: readonly string[]
}

/** What one would do. `resource` may name a subresource: `virtualmachines/start`. */
export interface Wish {
  verb: string
  group: string
  resource: string
  name?: string
}

const covers = (values: readonly string[] | undefined, wanted: string): boolean =>
  values?.some((value) => value === '*' || value === wanted) ?? false

function coversResource(resources: readonly string[] | undefined, wanted: string): boolean {
  const subresource = wanted.split('/')[1]
  return covers(resources, wanted) || (subresource !== undefined && covers(resources, `*/${subresource}`))
}

/** Whether the rules allow it; a rule for some names allows only those. */
export function allows(rules: readonly Rule[], wish: Wish): boolean {
  return rules.some(
    (rule) =>
      covers(rule.verbs, wish.verb) &&
      covers(rule.apiGroups, wish.group) &&
      coversResource(rule.resources, wish.resource) &&
      (!rule.resourceNames?.length || (wish.name !== undefined && rule.resourceNames.includes(wish.name))),
  )
}

/** What the user may do in the namespace that is chosen. */
export class Rights {
  readonly rules: readonly Rule[]

  constructor(rules: readonly Rule[]) {
    this.rules = rules
  }

  may(verb: string, kind: Pick<KindAddress, 'group' | 'plural'>, name?: string): boolean {
    return allows(this.rules, { verb, group: kind.group, resource: kind.plural, name })
  }

  mayCall(group: string, resource: string, verb = 'update'): boolean {
    return allows(this.rules, { verb, group, resource })
  }
}

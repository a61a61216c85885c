import type { Kind } from '@thresher/api/kind'
import type { FacadeCall } from './context.ts'

/** Asks what the caller may do, each question once. */
export class Access {
  readonly #call: Pick<FacadeCall, 'parts' | 'user'>
  readonly #known = new Map<string, Promise<boolean>>()

  constructor(call: Pick<FacadeCall, 'parts' | 'user'>) {
    this.#call = call
  }

  /** Whether the caller may do this to objects of a kind; without a namespace: in all of them. */
  may(verb: string, kind: Kind, namespace = ''): Promise<boolean> {
    const key = `${verb} ${kind.group}/${kind.plural} ${namespace}`
    const known = this.#known.get(key)
    if (known) return known
    const asked = this.#ask(verb, kind, namespace)
    this.#known.set(key, asked)
    return asked
  }

  /** Whether the caller may do this to objects of a kind somewhere. */
  async mayAnywhere(verb: string, kind: Kind): Promise<boolean> {
    if (await this.may(verb, kind)) return true
    if (!kind.namespaced) return false
    for (const { metadata } of this.#call.parts.server().objects.list({ group: '', plural: 'namespaces' }))
      if (await this.may(verb, kind, metadata.name)) return true
    return false
  }

  /** Whether the caller may write to a subresource of this object. */
  mayUpdate(kind: Kind, subresource: string, namespace: string, name: string): Promise<boolean> {
    return this.#ask('update', kind, namespace, name, subresource)
  }

  async #ask(verb: string, kind: Kind, namespace: string, name = '', subresource = ''): Promise<boolean> {
    const decision = await this.#call.parts.authorizer.authorize({
      user: this.#call.user,
      verb,
      resourceRequest: true,
      path: '',
      group: kind.group,
      version: kind.version,
      resource: kind.plural,
      subresource,
      namespace,
      name,
    })
    return decision.verdict === 'allow'
  }
}

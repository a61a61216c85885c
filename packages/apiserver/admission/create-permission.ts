import type { AdmissionStep } from '../admission.ts'
import { forbidden } from '../auth/forbidden.ts'
import type { Attributes, Authorizer } from '../user.ts'

/**
 * Whoever brings an object into being needs the verb `create`, also where the request is another: a server-side apply of an
 * object that is not there is authorized as `patch` alone.
 */
export function createPermission(authorizer: Authorizer): AdmissionStep {
  return {
    name: 'CreatePermission',
    async validate(request) {
      if (request.operation !== 'CREATE' || request.subresource !== '') return
      const attributes: Attributes = {
        user: request.user,
        verb: 'create',
        resourceRequest: true,
        path: '',
        group: request.kind.group,
        version: request.kind.version,
        resource: request.kind.plural,
        subresource: '',
        namespace: request.kind.namespaced
          ? request.namespace
          : request.kind.plural === 'namespaces'
            ? request.name
            : '',
        name: '',
        fieldSelector: '',
      }
      if ((await authorizer.authorize(attributes)).verdict === 'allow') return
      // Some clients post to the object's own path, which roles can allow by name.
      const byName = { ...attributes, name: request.name }
      const decision = await authorizer.authorize(byName)
      if (decision.verdict !== 'allow') throw forbidden(byName, decision.reason)
    },
  }
}

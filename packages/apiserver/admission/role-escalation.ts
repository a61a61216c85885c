import type { AdmissionStep } from '../admission.ts'
import type { EscalationCheck } from '../auth/rbac/escalation.ts'
import {
  rbacGroup,
  rbacResources,
  type BindingObject,
  type RbacResource,
  type RoleObject,
} from '../auth/rbac/rbac-index.ts'

/** Nobody grants by a role or binding what he does not hold himself. */
export function roleEscalation(check: EscalationCheck): AdmissionStep {
  return {
    name: 'RoleEscalation',
    async validate({ kind, operation, object, oldObject, user }) {
      if (kind.group !== rbacGroup || !(rbacResources as readonly string[]).includes(kind.plural)) return
      if (!object || (operation !== 'CREATE' && operation !== 'UPDATE')) return
      await check.check({
        user,
        resource: kind.plural as RbacResource,
        object: object as RoleObject | BindingObject,
        previous: oldObject as RoleObject | BindingObject | undefined,
      })
    },
  }
}

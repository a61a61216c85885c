import { flag, list, object, optional, text, texts } from '../schema.ts'

const requirement = object({ key: text, operator: text }, { values: texts })

/** A wish to do something with objects. */
export const ResourceAttributes = optional({
  namespace: text,
  verb: text,
  group: text,
  version: text,
  resource: text,
  subresource: text,
  name: text,
  labelSelector: optional({ rawSelector: text, requirements: list(requirement) }),
  fieldSelector: optional({ rawSelector: text, requirements: list(requirement) }),
})

/** A wish to call a path that is no resource. */
export const NonResourceAttributes = optional({ path: text, verb: text })

/** The answer to an access review. */
export const AccessStatus = object({ allowed: flag }, { denied: flag, reason: text, evaluationError: text })

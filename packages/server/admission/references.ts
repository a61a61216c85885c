import type { KubeObject } from '@thresher/api/meta'
import { StorageClass } from '@thresher/api/storage/storage-class'
import type { AdmissionRequest, AdmissionStep } from '@thresher/apiserver/admission'
import { forbidden } from '@thresher/apiserver/auth/forbidden'
import type { Attributes, Authorizer } from '@thresher/apiserver/user'
import type { Reference, Right } from './reference-rights.ts'
import type { ClassOf } from './claim-references.ts'
import { referenceTable, type ReferenceRow } from './reference-table.ts'

/** Reads what is there now. */
interface Lookup {
  get<O extends KubeObject>(kind: { group: string; plural: string }, namespace: string, name: string): O | undefined
}

/**
 * Who refers to an object in another namespace must be allowed to use it there himself: what follows the reference later acts
 * with rights of its own. On an update only what is new is asked, so others can go on to write an object they did not make.
 */
export function references(authorizer: Authorizer, objects: () => Lookup): AdmissionStep {
  const classOf = (name: string) => objects().get<StorageClass>(StorageClass, '', name)?.parameters?.['imageId']
  return {
    name: 'References',
    async validate(request) {
      if (!request.object || (request.operation !== 'CREATE' && request.operation !== 'UPDATE')) return
      const row = referenceTable.find(
        ({ kind }) => kind.group === request.kind.group && kind.plural === request.kind.plural,
      )
      const fresh = row ? newReferences(row, request, classOf) : []
      const [first] = fresh
      if (first && fresh.length > mostReferences)
        return [{ field: first.field, message: `may refer to at most ${mostReferences} objects in other namespaces` }]
      for (const reference of fresh) await requireAny(authorizer, request, reference)
    },
  }
}

/** How many questions one write may put to the authorizer: they are answered on the server's one thread. */
const mostReferences = 256

/** References into other namespaces, and into what has none, that the object did not have before, each once. */
function newReferences(row: ReferenceRow, request: AdmissionRequest, classOf: ClassOf): Reference[] {
  const { object, oldObject, namespace } = request
  const known = new Set(oldObject ? row.find(oldObject, namespace, classOf).map(keyOf) : [])
  const fresh = new Map<string, Reference>()
  for (const reference of row.find(object, namespace, classOf)) {
    const key = keyOf(reference)
    const isOutside = reference.clusterScoped || (reference.namespace !== '' && reference.namespace !== namespace)
    if (isOutside && !known.has(key) && !fresh.has(key)) fresh.set(key, reference)
  }
  return [...fresh.values()]
}

const keyOf = ({ namespace, name, rights }: Reference): string =>
  JSON.stringify([namespace, name, rights.map(({ group, resource }) => [group, resource])])

/** @throws {ApiError} Forbidden when the caller has none of the rights; it says the same whether the target is there or not */
async function requireAny(authorizer: Authorizer, request: AdmissionRequest, reference: Reference): Promise<void> {
  const questions = reference.rights.map((right) => question(request, reference, right))
  for (const attributes of questions) if ((await authorizer.authorize(attributes)).verdict === 'allow') return
  const asked = questions.at(-1)
  const { field, clusterScoped, namespace, name } = reference
  if (asked) throw forbidden(asked, `${field} refers to ${clusterScoped ? name : `${namespace}/${name}`}`)
}

function question({ user }: AdmissionRequest, { namespace, name }: Reference, right: Right): Attributes {
  return {
    user,
    verb: right.verb,
    resourceRequest: true,
    path: '',
    group: right.group,
    version: '*',
    resource: right.resource,
    subresource: right.subresource ?? '',
    namespace,
    name: right.named ? name : '',
    fieldSelector: '',
  }
}

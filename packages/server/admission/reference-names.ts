import { sshNamesAnnotation } from '@thresher/api/names'
import { textOf, textsAt, valuesAt, type FieldValue } from '@thresher/api/field-values'

/** A name as `namespace/name`, or alone in the namespace of what holds it. */
export function qualified(text: string, namespace: string): { namespace: string; name: string } {
  const at = text.indexOf('/')
  return at < 0 ? { namespace, name: text } : { namespace: text.slice(0, at), name: text.slice(at + 1) }
}

/** The KeyPairs that an annotation names as a JSON list. */
export function jsonTexts(object: unknown, path: string): FieldValue[] {
  return valuesAt(object, path).flatMap(({ field, value }) => {
    const parsed = parsedJson(textOf(value, sshNamesAnnotation))
    return textsAt({ names: parsed }, 'names[]').map((found) => ({
      field: `${field}[${sshNamesAnnotation}]`,
      value: found.value,
    }))
  })
}

const networksAnnotation = 'k8s.v1.cni.cncf.io/networks'

/**
 * The networks that a pod asks for, each as `name` or `namespace/name`.
 *
 * @see https://github.com/k8snetworkplumbingwg/multi-net-spec (Network Attachment Selection Annotation: a list in JSON, or
 * names parted by commas, `@` before the interface)
 */
export function networkNames(pod: unknown): FieldValue[] {
  return valuesAt(pod, 'metadata.annotations').flatMap(({ field, value }) => {
    const text = textOf(value, networksAnnotation).trim()
    const names = text.startsWith('[')
      ? valuesAt({ items: parsedJson(text) }, 'items[]').map(({ value: item }) => {
          const namespace = textOf(item, 'namespace')
          return namespace ? `${namespace}/${textOf(item, 'name')}` : textOf(item, 'name')
        })
      : text.split(',').map((name) => (name.split('@')[0] ?? '').trim())
    return names
      .filter((name) => name !== '')
      .map((name) => ({ field: `${field}[${networksAnnotation}]`, value: name }))
  })
}

/** Secrets below a PersistentVolume's source: every member that names one together with its namespace. */
export function pairsOfSecret(value: unknown, field = ''): { field: string; namespace: string; name: string }[] {
  if (typeof value !== 'object' || value === null) return []
  const azure = textOf(value, 'secretNamespace')
  const own = azure ? [{ field: `${field}.secretNamespace`, namespace: azure, name: textOf(value, 'secretName') }] : []
  return [
    ...own,
    ...Object.entries(value).flatMap(([member, below]) => {
      const path = field ? `${field}.${member}` : member
      return /secretref$/i.test(member)
        ? [{ field: path, namespace: textOf(below, 'namespace'), name: textOf(below, 'name') }]
        : pairsOfSecret(below, path)
    }),
  ]
}

function parsedJson(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    // What is not JSON names nothing.
    return undefined
  }
}

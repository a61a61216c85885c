/** Resources whose bodies are secrets as a whole: never more than metadata of them is written down. */
const secretResources = new Set([
  '/secrets',
  '/serviceaccounts/token',
  'authentication.k8s.io/tokenreviews',
  'auth.thresher.io/users',
  'auth.thresher.io/tokens',
])

/** Whether a body of this resource may be written down. */
export function mayShowBody({
  group,
  resource,
  subresource,
}: {
  group: string
  resource: string
  subresource: string
}): boolean {
  return !secretResources.has(`${group}/${resource}`) && !secretResources.has(`${group}/${resource}/${subresource}`)
}

/** Fields that hold secrets inside of other kinds: cloud-init data, backup credentials, settings. */
const secretField =
  /pass(word|wd|phrase)|secret(?!Name|Ref|KeyRef)|token|private.?key|user-?data|network-?data|credential|kubeconfig|authorization/i
const hidden = '<hidden>'

/** A copy without the values of fields that may be secrets. Strings inside annotations that repeat an object are hidden as a whole. */
export function redact(value: unknown, field = ''): unknown {
  if (field === 'kubectl.kubernetes.io/last-applied-configuration' || field === 'managedFields') return hidden
  if (Array.isArray(value)) return value.map((entry) => redact(entry, field))
  if (typeof value !== 'object' || value === null)
    return secretField.test(field) && value !== null && typeof value !== 'boolean' ? hidden : value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, redact(inner, key)]))
}

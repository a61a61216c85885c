import { randomInt } from 'node:crypto'
import type { FieldError } from '@thresher/api/error'
import type { Kind } from '@thresher/api/kind'

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const label1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const qualifiedPart = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/

/** A rule for names: undefined when `name` follows it, else what is wrong and what to do. */
type NameRule = (name: string) => string | undefined

const subdomainName: NameRule = (name) => {
  if (name.length > 253) return tooLong(253)
  if (subdomain.test(name)) return undefined
  return "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
}

const labelName: NameRule = (name) => {
  if (name.length > 63) return tooLong(63)
  if (label.test(name)) return undefined
  return "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
}

const serviceName: NameRule = (name) => {
  if (name.length > 63) return tooLong(63)
  if (label1035.test(name)) return undefined
  return "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
}

/** Names that are only a part of a path: roles and their bindings. */
const pathPart: NameRule = (name) => {
  if (name.length > 253) return tooLong(253)
  if (name === '.' || name === '..') return `may not be '${name}'`
  const found = /[/%]/.exec(name)
  return found ? `may not contain '${found[0]}'` : undefined
}

function tooLong(limit: number): string {
  return `must be no more than ${limit} bytes`
}

function ruleFor(kind: Pick<Kind, 'group' | 'plural'>): NameRule {
  if (kind.group === 'rbac.authorization.k8s.io') return pathPart
  if (kind.group === '' && kind.plural === 'namespaces') return labelName
  if (kind.group === '' && kind.plural === 'services') return serviceName
  return subdomainName
}

/** What is wrong with an object's name, in Kubernetes' words. */
export function checkName(kind: Pick<Kind, 'group' | 'plural'>, name: string): FieldError[] {
  const problem = ruleFor(kind)(name)
  return problem ? [{ field: 'metadata.name', message: `Invalid value: ${JSON.stringify(name)}: ${problem}` }] : []
}

/** As {@link checkName} for the beginning of a name, which may end in a dash. */
export function checkGenerateName(kind: Pick<Kind, 'group' | 'plural'>, prefix: string): FieldError[] {
  const problem = ruleFor(kind)(prefix.endsWith('-') ? `${prefix.slice(0, -1)}a` : prefix)
  return problem
    ? [{ field: 'metadata.generateName', message: `Invalid value: ${JSON.stringify(prefix)}: ${problem}` }]
    : []
}

/** A namespace's name where an object names its own. */
export function checkNamespaceName(name: string): FieldError[] {
  const problem = labelName(name)
  return problem ? [{ field: 'metadata.namespace', message: `Invalid value: ${JSON.stringify(name)}: ${problem}` }] : []
}

/** Letters that spell no words. @see Kubernetes `apimachinery/pkg/util/rand` */
const letters = 'bcdfghjklmnpqrstvwxz2456789'
const SUFFIX = 5
const LONGEST_GENERATED = 63

/** A name that begins with `prefix` and ends in five random letters. */
export function generateName(prefix: string): string {
  const suffix = Array.from({ length: SUFFIX }, () => letters[randomInt(letters.length)]).join('')
  return prefix.slice(0, LONGEST_GENERATED - SUFFIX) + suffix
}

/** Whether `text` is a label's or annotation's key: `name` or `prefix.example/name`. */
export function qualifiedNameProblem(text: string): string | undefined {
  const slash = text.indexOf('/')
  const prefix = slash < 0 ? undefined : text.slice(0, slash)
  const name = text.slice(slash + 1)
  if (prefix !== undefined && (prefix === '' || prefix.length > 253 || !subdomain.test(prefix))) {
    return `prefix part ${subdomainName(prefix) ?? 'must be non-empty'}`
  }
  if (name.length > 63) return `name part ${tooLong(63)}`
  if (qualifiedPart.test(name)) return undefined
  return "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
}

/** Whether `value` may be a label's value. */
export function labelValueProblem(value: string): string | undefined {
  if (value.length > 63) return tooLong(63)
  if (value === '' || qualifiedPart.test(value)) return undefined
  return "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
}

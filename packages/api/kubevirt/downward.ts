import type { Static } from 'typebox'
import { parseBytes, parseCpu } from '../quantity.ts'
import type { FieldError } from '../error.ts'
import { guestCpus, guestMemoryBytes } from './guest-memory.ts'
import type { VirtualMachineInstance } from './virtual-machine-instance.ts'
import type { Volume } from './volume.ts'

type Field = NonNullable<NonNullable<Static<typeof Volume>['downwardAPI']>['fields']>[number]

const whole = ['metadata.name', 'metadata.namespace', 'metadata.uid', 'metadata.labels', 'metadata.annotations']
const entry = /^metadata\.(labels|annotations)\['([^']+)'\]$/
const resources = ['limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory']
const segment = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,253}$/

/** What is wrong with the files of a downward volume. @param at path of the volume's `downwardAPI` */
export function checkDownward(fields: readonly Field[], at: string): FieldError[] {
  return fields.flatMap(({ path, fieldRef, resourceFieldRef }, index): FieldError[] => {
    const field = `${at}.fields[${index}]`
    if (!isFilePath(path))
      return [{ field: `${field}.path`, message: "must be a relative path of letters, digits, '.', '_' and '-'" }]
    if ((fieldRef === undefined) === (resourceFieldRef === undefined))
      return [{ field, message: 'give one of fieldRef and resourceFieldRef' }]
    if (fieldRef && !whole.includes(fieldRef.fieldPath) && !entry.test(fieldRef.fieldPath))
      return [
        {
          field: `${field}.fieldRef.fieldPath`,
          message: `${JSON.stringify(fieldRef.fieldPath)} is not supported: use ${whole.join(', ')}, metadata.labels['KEY'] or metadata.annotations['KEY']`,
          reason: 'FieldValueNotSupported',
        },
      ]
    if (resourceFieldRef && !resources.includes(resourceFieldRef.resource))
      return [
        {
          field: `${field}.resourceFieldRef.resource`,
          message: `${JSON.stringify(resourceFieldRef.resource)} is not supported: use ${resources.join(', ')}`,
          reason: 'FieldValueNotSupported',
        },
      ]
    return []
  })
}

/** Whether a path stays in the folder that it is in. */
export function isFilePath(path: string): boolean {
  return path.split('/').every((part) => segment.test(part))
}

/** The files of a downward volume: what an instance says of itself, as Kubernetes writes it for containers. */
export function downwardFiles(instance: VirtualMachineInstance, fields: readonly Field[]): Record<string, string> {
  return Object.fromEntries(
    fields.map(({ path, fieldRef, resourceFieldRef }) => [
      path,
      fieldRef
        ? fieldOf(instance, fieldRef.fieldPath)
        : amountOf(instance, resourceFieldRef?.resource ?? '', resourceFieldRef?.divisor),
    ]),
  )
}

function fieldOf({ metadata }: VirtualMachineInstance, path: string): string {
  const [, map, key = ''] = entry.exec(path) ?? []
  if (map === 'labels' || map === 'annotations') return metadata[map]?.[key] ?? ''
  switch (path) {
    case 'metadata.labels':
      return lines(metadata.labels)
    case 'metadata.annotations':
      return lines(metadata.annotations)
    case 'metadata.namespace':
      return metadata.namespace ?? ''
    case 'metadata.uid':
      return metadata.uid ?? ''
    default:
      return metadata.name ?? ''
  }
}

/** `key="value"` a line, by key. */
function lines(map: Record<string, string> = {}): string {
  return Object.entries(map)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n')
}

/** An amount in units of the divisor, rounded up; where the machine says none, what its guest has. */
function amountOf({ spec, metadata }: VirtualMachineInstance, resource: string, divisor = '0'): string {
  const [side, name] = resource.split('.') as ['limits' | 'requests', 'cpu' | 'memory']
  const given = spec.domain.resources?.[side]?.[name]
  if (name === 'cpu') {
    const millicores = given === undefined ? guestCpus(spec.domain) * 1000 : parseCpu(given)
    return String(Math.ceil(millicores / (parseCpu(divisor) || 1000)))
  }
  const bytes = given === undefined ? (guestMemoryBytes(spec.domain, metadata.annotations) ?? 0) : parseBytes(given)
  return String(Math.ceil(bytes / (parseBytes(divisor) || 1)))
}

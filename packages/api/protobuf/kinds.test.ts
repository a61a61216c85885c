import { describe, expect, test } from 'vitest'
import type { JsonSchema } from '../kind.ts'
import { kinds } from '../kinds.ts'
import { messageOf } from './kinds.ts'
import type { MessageField, MessageType } from './messages.ts'

/** Kubernetes' own groups: without a domain, or below k8s.io, but for the snapshots' kinds, which are custom ones there too. */
const builtIn = kinds.filter(
  ({ group }) => (!group.includes('.') || group.endsWith('.k8s.io')) && group !== 'snapshot.storage.k8s.io',
)
const named = builtIn.map((kind) => [`${kind.apiVersion} ${kind.kind}`, kind] as const)

/** All fields of a message by name, with those of the messages that stand in it. */
function fieldsOf(message: MessageType, into = new Map<string, MessageField>()): Map<string, MessageField> {
  for (const field of message.fields) {
    if (field.shape === 'inline') fieldsOf(field.message!, into)
    else into.set(field.name, field)
  }
  return into
}

/** Our one condition is that of all kinds; each of Kubernetes' has some of these fields. */
const ofConditions = new Set(['observedGeneration', 'lastProbeTime', 'lastUpdateTime'])

/** Fields of the schema that the message does not have, or has in another shape. */
function* differences(schema: JsonSchema, message: MessageType, path: string): Iterable<string> {
  const fields = fieldsOf(message)
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    const field = fields.get(name)
    const at = `${path}.${name}`
    if (!field) {
      const known = message.name.endsWith('Condition') && ofConditions.has(name)
      // An object within an object has no type of its own on the wire.
      const embedded = fields.has('metadata') && (name === 'apiVersion' || name === 'kind')
      if (!known && !embedded) yield at
      continue
    }
    const items = field.shape === 'list' ? inner.items : field.shape === 'map' ? valuesOf(inner) : inner
    if (!items || (inner.type === 'array' && field.shape !== 'list' && field.type !== 'JSON'))
      yield `${at}: ${field.shape}`
    else if (!fits(items, field)) yield `${at}: ${field.type} is no ${items.type}`
    else if (field.message && items.properties) yield* differences(items, field.message, at)
  }
}

function valuesOf(schema: JsonSchema): JsonSchema | undefined {
  const { additionalProperties, patternProperties } = schema
  if (typeof additionalProperties === 'object') return additionalProperties
  return Object.values(patternProperties ?? {})[0]
}

const typesOf: Record<string, string[]> = {
  string: ['string', 'bytes', 'Time', 'MicroTime', 'Quantity'],
  integer: ['int32', 'int64'],
  number: ['double'],
  boolean: ['bool'],
}

function fits(schema: JsonSchema, field: MessageField): boolean {
  if (schema['x-kubernetes-int-or-string']) return field.type === 'IntOrString'
  if (schema.format === 'quantity') return field.type === 'Quantity'
  if (schema.format === 'date-time') return field.type === 'Time' || field.type === 'MicroTime'
  if (!schema.type || schema.type === 'object')
    return field.message !== undefined || /^(RawExtension|FieldsV1|JSON)$/.test(field.type)
  if (schema.type === 'array') return field.type === 'ExtraValue'
  return typesOf[schema.type]!.includes(field.type)
}

describe('the protobuf form', () => {
  test.each(named)('of %s has a number for every field of its schema', (_, kind) => {
    const message = messageOf(kind.apiVersion, kind.kind)
    expect(message, 'declare its message in the protobuf.ts of its group').toBeDefined()
    const { apiVersion: _version, kind: _kind, ...properties } = kind.schema.properties ?? {}
    expect([...differences({ properties }, message!, kind.kind)]).toEqual([])
  })

  test('gives each number and each name of a message once', () => {
    const seen = new Set<MessageType>()
    const visit = (message: MessageType) => {
      if (seen.has(message)) return
      seen.add(message)
      const numbers = message.fields.map(({ number }) => number)
      expect(numbers, message.name).toEqual([...new Set(numbers)].toSorted((left, right) => left - right))
      expect(new Set(message.fields.map(({ name }) => name)).size, message.name).toBe(numbers.length)
      for (const field of message.fields) if (field.message) visit(field.message)
    }
    for (const kind of builtIn) visit(messageOf(kind.apiVersion, kind.kind)!)
    expect(seen.size).toBeGreaterThan(300)
  })

  test('is there for no kind of ours, for no part of a kind, and for no name of JavaScript', () => {
    expect(messageOf('kubevirt.io/v1', 'VirtualMachine')).toBeUndefined()
    expect(messageOf('v1', 'PodSpec')).toBeUndefined()
    expect(messageOf('constructor', 'constructor')).toBeUndefined()
    expect(messageOf('v1', '__proto__')).toBeUndefined()
  })
})

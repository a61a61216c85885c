import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { JsonSchema } from '../../kind.ts'
import { VirtualMachine } from '../virtual-machine.ts'
import { VirtualMachineInstance } from '../virtual-machine-instance.ts'
import { fieldsWithoutEffect, withoutEffectMessage } from './without-effect.ts'
import { instanceFields, machineFields } from './table.ts'
import type { SupportTable } from './support.ts'
import { leafFields, selfAndAbove, valuesAt } from './walk.ts'

const specOf = (schema: JsonSchema): JsonSchema => schema.properties!['spec']!

function withoutRow(fields: string[], table: SupportTable): string[] {
  return fields.filter((field) => !selfAndAbove(field).some((path) => Object.hasOwn(table, path)))
}

function withoutField(fields: string[], table: SupportTable): string[] {
  const paths = new Set(fields.flatMap(selfAndAbove))
  return Object.keys(table).filter((path) => !paths.has(path))
}

describe('the table of what becomes of each field', () => {
  const instance = leafFields(specOf(VirtualMachineInstance.schema))
  const machine = leafFields(specOf(VirtualMachine.schema)).filter((field) => !field.startsWith('template.'))

  it('has a row for every field of the schema, and no row without a field', () => {
    expect(instance.length).toBeGreaterThan(300)
    expect(withoutRow(instance, instanceFields)).toEqual([])
    expect(withoutField(instance, instanceFields)).toEqual([])
    expect(withoutRow(machine, machineFields)).toEqual([])
    expect(withoutField(machine, machineFields)).toEqual([])
  })

  it('would miss a field that the schema gains', () => {
    expect(withoutRow(['domain.cpu.colour'], instanceFields)).toEqual(['domain.cpu.colour'])
    expect(withoutRow(['domain.launchSecurity.colour'], instanceFields)).toEqual([])
  })

  it('is told in the documentation, and nothing else is', () => {
    const text = readFileSync(new URL('../../../../docs/machine-fields.md', import.meta.url), 'utf8')
    const told = [...text.matchAll(/^\| `([^`]+)` \| (refused|no effect) \|/gm)].map(
      ([, field, what]) => `${field} ${what}`,
    )
    const rows = [...Object.entries(instanceFields), ...Object.entries(machineFields)].flatMap(([field, { is }]) =>
      is === 'honoured' ? [] : [`${field} ${is === 'refused' ? 'refused' : 'no effect'}`],
    )
    expect(told.toSorted()).toEqual(rows.toSorted())
  })
})

describe('the fields without effect', () => {
  const domain = { devices: {} }

  it('are named with their place and what to do instead', () => {
    const found = fieldsWithoutEffect({
      domain: { devices: { disks: [{ name: 'a' }, { name: 'b', tag: 'x' }] } },
      schedulerName: 'mine',
    })
    expect(found.map(({ field }) => field)).toEqual(['domain.devices.disks[1].tag', 'schedulerName'])
    expect(withoutEffectMessage(found)).toMatch(
      /^these fields have no effect: domain\.devices\.disks\[1\]\.tag \(use the/,
    )
  })

  it('are left out where their value changes nothing', () => {
    const plain = {
      evictionStrategy: 'LiveMigrateIfPossible',
      architecture: 'amd64',
      subdomain: '',
      dnsPolicy: 'Default',
    } as const
    expect(fieldsWithoutEffect({ domain, ...plain, resourceClaims: [] })).toEqual([])
    expect(fieldsWithoutEffect({ domain, evictionStrategy: 'LiveMigrate' })).toHaveLength(1)
    expect(
      fieldsWithoutEffect({ domain: { devices: {}, features: { hypervPassthrough: { enabled: false } } } }),
    ).toEqual([])
  })

  it('are told as many as a condition can hold', () => {
    const disks = Array.from({ length: 200 }, (_, index) => ({ name: `d${index}`, tag: 'x' }))
    const message = withoutEffectMessage(fieldsWithoutEffect({ domain: { devices: { disks } } }))
    expect(message).toContain('and 190 more')
  })
})

describe('a walk along a path', () => {
  it('gives each value with the items it is in', () => {
    const object = { a: [{ b: [1, 2] }, {}, { b: [3] }] }
    expect(valuesAt(object, 'a[].b[]')).toEqual([
      { at: 'a[0].b[0]', value: 1 },
      { at: 'a[0].b[1]', value: 2 },
      { at: 'a[2].b[0]', value: 3 },
    ])
    expect(valuesAt(object, 'a')).toEqual([{ at: 'a', value: object.a }])
    expect(valuesAt(object, 'x.y')).toEqual([])
    expect(selfAndAbove('a[].b.c')).toEqual(['a[].b.c', 'a[].b', 'a[]', 'a'])
  })
})

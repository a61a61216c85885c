import { describe, expect, it } from 'vitest'
import { checkDownward, downwardFiles } from './downward.ts'
import type { VirtualMachineInstance } from './virtual-machine-instance.ts'

const instance: VirtualMachineInstance = {
  metadata: {
    name: 'web',
    namespace: 'team',
    uid: 'u-1',
    labels: { b: 'two', a: 'o"ne\n' },
    annotations: { 'x.io/note': 'here' },
  },
  spec: {
    domain: { devices: {}, cpu: { cores: 2 }, memory: { guest: '1Gi' }, resources: { limits: { cpu: '1500m' } } },
  },
}

const file = (fieldPath: string) =>
  downwardFiles(instance, [{ path: 'f', fieldRef: { fieldPath, apiVersion: 'v1' } }])['f']
const amount = (resource: string, divisor?: string) =>
  downwardFiles(instance, [{ path: 'f', resourceFieldRef: { resource, ...(divisor ? { divisor } : {}) } }])['f']

describe('a downward volume', () => {
  it('holds what the instance says of itself, as Kubernetes writes it', () => {
    expect(file('metadata.name')).toBe('web')
    expect(file('metadata.namespace')).toBe('team')
    expect(file('metadata.uid')).toBe('u-1')
    expect(file('metadata.labels')).toBe('a="o\\"ne\\n"\nb="two"')
    expect(file("metadata.labels['b']")).toBe('two')
    expect(file("metadata.annotations['x.io/note']")).toBe('here')
    expect(file("metadata.annotations['x.io/none']")).toBe('')
  })

  it('holds amounts in units of the divisor, rounded up', () => {
    expect(amount('limits.cpu')).toBe('2')
    expect(amount('limits.cpu', '1m')).toBe('1500')
    expect(amount('requests.cpu')).toBe('2')
    expect(amount('limits.memory', '1Mi')).toBe('1024')
    expect(amount('limits.memory')).toBe(String(2 ** 30))
  })

  it.each([
    ['fields[0].path', { path: '../../etc/cron.d/x', fieldRef: { fieldPath: 'metadata.name' } }],
    ['fields[0].path', { path: '/x', fieldRef: { fieldPath: 'metadata.name' } }],
    ['fields[0].path', { path: 'a//b', fieldRef: { fieldPath: 'metadata.name' } }],
    ['fields[0]', { path: 'x' }],
    ['fields[0].fieldRef.fieldPath', { path: 'x', fieldRef: { fieldPath: 'spec.nodeName' } }],
    ['fields[0].resourceFieldRef.resource', { path: 'x', resourceFieldRef: { resource: 'limits.gpu' } }],
  ])('that is wrong is refused at %s', (field, wrong) => {
    const given = [wrong] as unknown as Parameters<typeof checkDownward>[0]
    expect(checkDownward(given, 'downwardAPI')).toMatchObject([{ field: `downwardAPI.${field}` }])
  })
})

import { describe, expect, it } from 'vitest'
import type { Domain } from './domain.ts'
import { reservedMemoryAnnotation } from './guest-memory.ts'
import { applyOvercommit, overheadFactor, readOvercommit } from './overcommit.ts'

const harvester = readOvercommit({ cpu: 1600, memory: 150, storage: 200 }, '1.5')

function applied(domain: Partial<Domain>, annotations: Record<string, string> = {}, overcommit = harvester): Domain {
  const made: Domain = { devices: {}, ...structuredClone(domain) }
  applyOvercommit(made, annotations, overcommit)
  return made
}

const limits = (cpu: string, memory: string): Partial<Domain> => ({ resources: { limits: { cpu, memory } } })

describe('what a machine requests', () => {
  it.each([
    ['a share of its limits', limits('2', '2Gi'), { cpu: '125m', memory: '1365Mi' }],
    ['whole MiB', limits('1', '1000Mi'), { cpu: '62m', memory: '666Mi' }],
    [
      'all of them with processors of its own',
      { ...limits('2', '2Gi'), cpu: { dedicatedCpuPlacement: true } },
      { cpu: '2', memory: '2Gi' },
    ],
    [
      "its guest's memory with devices of the host",
      { ...limits('2', '2Gi'), devices: { hostDevices: [{ name: 'h' }] } },
      { cpu: '125m', memory: '2Gi' },
    ],
    [
      'what else it asked for too',
      { resources: { limits: { cpu: '1' }, requests: { cpu: '1', 'x.io/y': '1' } } },
      { cpu: '62m', 'x.io/y': '1' },
    ],
  ])('is %s', (_, domain, requests) => {
    expect(applied(domain).resources?.requests).toEqual(requests)
  })

  it('stays as it is without limits, and where a limit is no amount', () => {
    expect(applied({ resources: { requests: { cpu: '1' } } }).resources?.requests).toEqual({ cpu: '1' })
    expect(applied({})).toEqual({ devices: {} })
    expect(applied(limits('many', 'much')).resources?.requests).toEqual({})
  })

  it('is derived anew when what it follows from changes, and not when the settings do', () => {
    const before = applied(limits('2', '2Gi'))
    const same = structuredClone(before)
    applyOvercommit(same, {}, readOvercommit({ cpu: 100, memory: 100 }, '0'), { domain: before, annotations: {} })
    expect(same).toEqual(before)
    const larger = structuredClone(before)
    larger.resources!.limits!['memory'] = '4Gi'
    applyOvercommit(larger, {}, harvester, { domain: before, annotations: {} })
    expect(larger.resources?.requests?.['memory']).toBe('2730Mi')
    expect(larger.memory?.guest).toBe('4Gi')
    const chosen = structuredClone({ ...larger, memory: { guest: '3Gi' } })
    applyOvercommit(chosen, {}, harvester, { domain: before, annotations: {} })
    expect(chosen.memory.guest).toBe('3Gi')
  })
})

describe("a guest's memory", () => {
  it.each([
    ['the limit, as there is a ratio', '1.5', {}, '2Gi'],
    ['the limit less what is reserved', '1.5', { [reservedMemoryAnnotation]: '256Mi' }, '1792Mi'],
    ['the limit less 100 MiB without a ratio', '0', {}, '1948Mi'],
    ['the limit less what is reserved without a ratio', '0', { [reservedMemoryAnnotation]: '48Mi' }, '2000Mi'],
  ])('is %s', (_, ratio, annotations, guest) => {
    const overcommit = readOvercommit({ cpu: 1600, memory: 150 }, ratio)
    expect(applied(limits('2', '2Gi'), annotations, overcommit).memory?.guest).toBe(guest)
  })

  it('is what was asked for where that is said', () => {
    expect(applied({ ...limits('2', '2Gi'), memory: { guest: '1Gi' } }).memory?.guest).toBe('1Gi')
  })
})

it('a ratio of 0, and one that is nonsense, leave the overhead as it is', () => {
  expect(overheadFactor(readOvercommit({}, '2.5'))).toBe(2.5)
  expect(overheadFactor(readOvercommit({}, '0'))).toBe(1)
  expect(readOvercommit({ cpu: 'x', memory: 50 }, 'x')).toEqual({ cpu: 100, memory: 100, overheadRatio: 1 })
})

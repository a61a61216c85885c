import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Cgroup, probeHierarchy } from './cgroup.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cgroup-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const limits = { requestMillicores: 500, limitMillicores: 1500, memoryBytes: 1024 }

describe('the control group of a guest', () => {
  it('is found in the first version of the hierarchy, with controllers mounted together or apart', () => {
    for (const folder of ['cpu,cpuacct', 'memory']) {
      mkdirSync(join(root, folder))
      writeFileSync(join(root, folder, 'cgroup.procs'), '')
    }
    expect(probeHierarchy(root)).toEqual({
      version: 1,
      controllers: { cpu: join(root, 'cpu,cpuacct'), memory: join(root, 'memory') },
    })
  })

  it('bounds processors and memory in the first version', () => {
    const controllers = { cpu: join(root, 'cpu'), memory: join(root, 'memory') }
    new Cgroup({ version: 1, controllers }, 'u1').create(limits)
    const read = (file: string) => readFileSync(join(root, file), 'utf8')
    expect(read('cpu/thresher/u1/cpu.shares')).toBe('512')
    expect(read('cpu/thresher/u1/cpu.cfs_quota_us')).toBe('150000')
    expect(read('memory/thresher/u1/memory.limit_in_bytes')).toBe('1024')
  })

  it('bounds processors and memory in the second version', () => {
    new Cgroup({ version: 2, root }, 'u1').create({ ...limits, limitMillicores: undefined })
    const read = (file: string) => readFileSync(join(root, 'thresher/u1', file), 'utf8')
    expect(read('cpu.max')).toBe('max')
    expect(read('cpu.weight')).toBe('20')
    expect(read('memory.max')).toBe('1024')
  })

  it('really is made and removed on this host', () => {
    const hierarchy = probeHierarchy()
    const group = new Cgroup(hierarchy, `test-${process.pid}`)
    group.create({ requestMillicores: 100, memoryBytes: 64 * 1024 * 1024 })
    expect(group.tryRemove()).toBe(true)
    const folders = hierarchy.version === 2 ? [hierarchy.root] : Object.values(hierarchy.controllers)
    for (const folder of folders) expect(existsSync(join(folder, 'thresher', `test-${process.pid}`))).toBe(false)
  })
})

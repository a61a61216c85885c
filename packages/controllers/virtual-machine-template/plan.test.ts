import type { VirtualMachineTemplate } from '@thresher/api/harvester/virtual-machine-template'
import type { VirtualMachineTemplateVersion } from '@thresher/api/harvester/virtual-machine-template-version'
import { expect, test } from 'vitest'
import { planTemplate } from './plan.ts'

const template = (more: Partial<VirtualMachineTemplate> = {}): VirtualMachineTemplate => ({
  metadata: { name: 'web', namespace: 'team' },
  spec: {},
  ...more,
})

function version(name: string, minute: number, number?: number): VirtualMachineTemplateVersion {
  return {
    metadata: { name, namespace: 'team', creationTimestamp: `2026-01-01T00:0${minute}:00Z` },
    spec: { templateId: 'team/web' },
    ...(number === undefined ? {} : { status: { version: number } }),
  }
}

test('versions are numbered in the order in which they were made, and the first is the default', () => {
  const plan = planTemplate(template(), [version('late', 2), version('early', 1)])
  expect([...plan.numbers]).toEqual([
    ['early', 1],
    ['late', 2],
  ])
  expect(plan.defaultVersionId).toBe('team/early')
  expect(plan.status).toEqual({ latestVersion: 2, defaultVersion: 1 })
})

test('the number of a version that is gone is not given again', () => {
  const { numbers, status } = planTemplate(template({ status: { latestVersion: 3 } }), [
    version('one', 1, 1),
    version('new', 5),
  ])
  expect(numbers.get('new')).toBe(4)
  expect(status).toMatchObject({ latestVersion: 4 })
})

test('the default stays where somebody moved it', () => {
  const moved = template({ spec: { defaultVersionId: 'team/two' } })
  const plan = planTemplate(moved, [version('one', 1, 1), version('two', 2, 2), version('three', 3, 3)])
  expect(plan).not.toHaveProperty('defaultVersionId')
  expect(plan.status).toEqual({ latestVersion: 3, defaultVersion: 2 })
})

test('a template without versions has no numbers', () => {
  expect(planTemplate(template(), [])).toEqual({ numbers: new Map(), status: {} })
})

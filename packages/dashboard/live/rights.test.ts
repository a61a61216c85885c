import { expect, test } from 'vitest'
import { allows } from './rights.ts'

const rules = [
  { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods', 'pods/log'] },
  { verbs: ['*'], apiGroups: ['kubevirt.io'], resources: ['*'] },
  { verbs: ['update'], apiGroups: ['apps'], resources: ['*/scale'] },
  { verbs: ['get'], apiGroups: [''], resources: ['secrets'], resourceNames: ['one'] },
]

test.each([
  [{ verb: 'list', group: '', resource: 'pods' }, true],
  [{ verb: 'delete', group: '', resource: 'pods' }, false],
  [{ verb: 'get', group: '', resource: 'pods/log' }, true],
  [{ verb: 'get', group: '', resource: 'pods/exec' }, false],
  [{ verb: 'delete', group: 'kubevirt.io', resource: 'virtualmachines' }, true],
  [{ verb: 'delete', group: 'harvesterhci.io', resource: 'virtualmachineimages' }, false],
  [{ verb: 'update', group: 'apps', resource: 'deployments/scale' }, true],
  [{ verb: 'update', group: 'apps', resource: 'deployments' }, false],
  [{ verb: 'get', group: '', resource: 'secrets', name: 'one' }, true],
  [{ verb: 'get', group: '', resource: 'secrets', name: 'two' }, false],
  [{ verb: 'get', group: '', resource: 'secrets' }, false],
])('%j is allowed: %s', (wish, allowed) => {
  expect(allows(rules, wish)).toBe(allowed)
})

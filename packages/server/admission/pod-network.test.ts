import { Pod } from '@thresher/api/core/pod'
import { networkAnnotation } from '@thresher/api/pod-network'
import { expect, test } from 'vitest'
import { podNetwork } from './pod-network.ts'

const pod = (annotations: Record<string, string>) =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'n', annotations } }) as Pod

function write(groups: string[], next: Record<string, string>, before?: Record<string, string>) {
  return podNetwork.validate?.({
    operation: before ? 'UPDATE' : 'CREATE',
    kind: Pod,
    subresource: '',
    namespace: 'n',
    name: 'p',
    user: { name: 'u', groups },
    object: pod(next),
    dryRun: false,
    warnings: [],
    ...(before ? { oldObject: pod(before) } : {}),
  })
}

test('who may write pods may still not say how a guest is connected', () => {
  const here = { [networkAnnotation]: '[]' }
  expect(write([], here)).toHaveLength(1)
  expect(write([], { [networkAnnotation]: '[1]' }, here)).toHaveLength(1)
  expect(write([], {}, here)).toHaveLength(1)
  expect(write([], { ...here, other: 'x' }, here)).toBeUndefined()
  expect(write(['system:masters'], here)).toBeUndefined()
})

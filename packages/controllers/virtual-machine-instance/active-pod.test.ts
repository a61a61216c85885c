import type { Pod } from '@thresher/api/core/pod'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { expect, test } from 'vitest'
import { activePod, migrationLabel } from './active-pod.ts'
import { launcherPodName } from './launcher-pod.ts'

function instance(status: VirtualMachineInstance['status'] = {}): VirtualMachineInstance {
  return { metadata: { name: 'web', uid: 'vmi' }, spec: { domain: { devices: {} } }, status } as VirtualMachineInstance
}

function pod(uid: string, nodeName?: string, labels: Record<string, string> = {}): Pod {
  return { metadata: { name: `virt-launcher-${uid}`, uid, labels }, spec: { nodeName, containers: [] } } as Pod
}

test('before anything ran the one pod counts, never one that only receives', () => {
  const named = { ...pod('a'), metadata: { name: launcherPodName(instance()), uid: 'a' } }
  expect(activePod(instance(), [pod('b'), named])).toBe(named)
  expect(activePod(instance(), [pod('a')])?.metadata.uid).toBe('a')
  expect(activePod(instance(), [pod('t', 'n2', { [migrationLabel]: 'm' })])).toBeUndefined()
  expect(activePod(instance(), [])).toBeUndefined()
})

test('while it migrates the pod on the node of the guest counts, and after it the other', () => {
  const pods = [pod('s', 'n1'), pod('t', 'n2', { [migrationLabel]: 'm' })]
  const activePods = { s: 'n1', t: 'n2' }
  expect(activePod(instance({ activePods, nodeName: 'n1' }), pods)?.metadata.uid).toBe('s')
  expect(activePod(instance({ activePods, nodeName: 'n2' }), pods)?.metadata.uid).toBe('t')
})

test('a pod that took the place of the active one by name alone does not count', () => {
  expect(activePod(instance({ activePods: { gone: 'n1' }, nodeName: 'n1' }), [pod('a', 'n1')])).toBeUndefined()
})

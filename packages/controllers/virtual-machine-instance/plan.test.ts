import type { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import type { Pod } from '@thresher/api/core/pod'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { vmOverheadBytes } from '@thresher/api/kubevirt/vm-overhead'
import { expect, test } from 'vitest'
import { instanceFinalizer } from '../names.ts'
import { instanceOf } from '../virtual-machine/instance.ts'
import { testMachine } from '../testing.ts'
import { launcherPod, launcherPodName } from './launcher-pod.ts'
import { planInstance, type InstanceView } from './plan.ts'

const MiB = 1024 * 1024

function instance(status: VirtualMachineInstance['status'] = {}, deleted = false): VirtualMachineInstance {
  const machine = testMachine('web')
  const made = instanceOf({ ...machine, metadata: { ...machine.metadata, uid: 'vm' } })
  const metadata = { ...made.metadata, uid: 'vmi', ...(deleted ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) }
  return { ...made, metadata, status }
}

function pod(spec: Partial<Pod['spec']> = {}, status: Pod['status'] = {}, deleted = false): Pod {
  const made = launcherPod(instance())
  return {
    ...made,
    metadata: { ...made.metadata, uid: 'pod', ...(deleted ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
    spec: { ...made.spec, ...spec },
    status,
  }
}

const claim = { metadata: { name: 'web-root' }, spec: {} } as PersistentVolumeClaim
const view = (more: Partial<InstanceView> = {}): InstanceView => ({
  emulated: false,
  overheadFactor: 1,
  instance: instance(),
  pods: [],
  claims: new Map([['web-root', claim]]),
  rivals: [],
  ...more,
})

test('a new instance gets a pod whose name follows from it', () => {
  const { step } = planInstance(view())
  expect(step).toMatchObject({ do: 'create-pod', pod: { metadata: { name: launcherPodName(instance()) } } })
  expect(launcherPodName(instance())).toMatch(/^virt-launcher-web-[a-z0-9]{5}$/)
})

test('the pod asks for the guest memory and its overhead, a share of CPU, and the claims', () => {
  const { spec } = launcherPod(instance())
  const overhead = vmOverheadBytes(instance().spec.domain, 256 * MiB, false)
  expect(spec.containers[0]?.resources?.requests).toEqual({ cpu: '100m', memory: `${256 + overhead / MiB}Mi` })
  expect(spec.volumes?.map((volume) => volume.persistentVolumeClaim?.claimName)).toEqual(['web-root'])
  expect(overhead / MiB).toBeGreaterThan(64)
  expect(overhead / MiB).toBeLessThan(160)
  // The translator's cache for 256 MiB is 64 MiB, and as much to find code in it.
  const emulated = launcherPod(instance(), true).spec.containers[0]?.resources?.requests?.['memory']
  expect(emulated).toBe(`${256 + overhead / MiB + 128}Mi`)
})

test('the pod carries the limits of the machine, that of memory with the overhead and none below its request', () => {
  const made = (resources: object, cpu: object = {}) => {
    const { spec, ...rest } = instance()
    const domain = { ...spec.domain, cpu, resources }
    return launcherPod({ ...rest, spec: { ...spec, domain } }).spec.containers[0]?.resources
  }
  const overhead = vmOverheadBytes(instance().spec.domain, 256 * MiB, false) / MiB
  expect(made({ limits: { cpu: '2', memory: '300Mi' } })).toEqual({
    requests: { cpu: '100m', memory: `${256 + overhead}Mi` },
    limits: { cpu: '2', memory: `${300 + overhead}Mi` },
  })
  expect(made({ requests: { memory: '64Mi' } })).not.toHaveProperty('limits')
  // Written before a guest had to stay within its limit.
  expect(made({ limits: { memory: '128Mi' } })?.limits).toEqual({ memory: `${256 + overhead}Mi` })
  expect(made({ limits: { cpu: '1' } }, { cores: 2, dedicatedCpuPlacement: true })?.limits).toEqual({ cpu: '2' })
  const lean = made({ overcommitGuestOverhead: true, limits: { memory: '256Mi' } })
  expect(lean).toMatchObject({ requests: { memory: '256Mi' }, limits: { memory: `${256 + overhead}Mi` } })
})

test('without its claim, or beside another on it, no pod is made and the reason is told', () => {
  expect(planInstance(view({ claims: new Map() }))).toMatchObject({
    step: { do: 'nothing' },
    word: { phase: 'Pending', trouble: { reason: 'FailedPvcNotFound' } },
  })
  const rival = { ...instance(), metadata: { name: 'other', uid: 'other' } }
  expect(planInstance(view({ rivals: [rival] })).word?.trouble).toEqual({
    reason: 'VolumeInUse',
    message: 'the volume web-root is already used by VM other; stop that one or use a shareable RWX volume',
  })
})

test('a bound pod is told with its node, an unplaceable one with its reason', () => {
  expect(planInstance(view({ pods: [pod({ nodeName: 'n' })] })).word).toEqual({
    phase: 'Scheduled',
    nodeName: 'n',
    podUid: 'pod',
  })
  const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'full' }]
  expect(planInstance(view({ pods: [pod({}, { conditions })] })).word).toMatchObject({
    phase: 'Scheduling',
    unscheduled: { message: 'full' },
  })
})

test('a pod that is gone is made sure of before its instance fails', () => {
  expect(planInstance(view({ instance: instance({ phase: 'Running' }) })).step.do).toBe('check-pod')
})

test('a deleted instance lets its agent stop the guest, then clears the pod, then goes', () => {
  const going = instance({ phase: 'Running' }, true)
  const bound = pod({ nodeName: 'n' })
  expect(planInstance(view({ instance: going, pods: [bound] })).step).toMatchObject({ do: 'delete-pod', force: false })
  expect(planInstance(view({ instance: going, pods: [pod({ nodeName: 'n' }, {}, true)] })).step.do).toBe('nothing')
  const ended = instance({ phase: 'Succeeded' }, true)
  expect(planInstance(view({ instance: ended, pods: [bound] })).step).toMatchObject({ do: 'delete-pod', force: true })
  expect(ended.metadata.finalizers).toContain(instanceFinalizer)
  expect(planInstance(view({ instance: ended })).step.do).toBe('release')
})

test('a pod without a node needs nobody to confirm its end', () => {
  expect(planInstance(view({ instance: instance({}, true), pods: [pod()] })).step).toMatchObject({
    do: 'delete-pod',
    force: true,
  })
})

test('an instance whose pod failed has failed, with the reason of the pod', () => {
  const failed = pod({ nodeName: 'n' }, { phase: 'Failed', reason: 'NodeLost' })
  expect(planInstance(view({ instance: instance({ phase: 'Scheduled' }), pods: [failed] })).word).toEqual({
    phase: 'Failed',
    reason: 'NodeLost',
  })
})

test('the end of a pod that only receives a guest does not end the instance', () => {
  const status = { phase: 'Running', nodeName: 'n', activePods: { pod: 'n' } }
  const target = pod({ nodeName: 'm' }, { phase: 'Failed', reason: 'MigrationFailed' })
  const pods = [pod({ nodeName: 'n' }), { ...target, metadata: { ...target.metadata, name: 'target', uid: 'target' } }]
  expect(planInstance(view({ instance: instance(status), pods }))).toEqual({ step: { do: 'nothing' }, word: undefined })
  const deleted = planInstance(view({ instance: instance(status, true), pods }))
  expect(deleted.step).toMatchObject({ do: 'delete-pod', pod: { metadata: { uid: 'pod' } } })
})

import { describe, expect, test } from 'vitest'
import { ConfigMap } from './config-map.ts'
import { Event } from './event.ts'
import { Node } from './node.ts'
import { PersistentVolumeClaim } from './persistent-volume-claim.ts'
import { Pod } from './pod.ts'
import { podPhrase } from './pod-summary.ts'
import { Secret } from './secret.ts'
import { Service } from './service.ts'

function completed<O>(kind: { fillDefaults?(object: never): void }, object: O): O {
  kind.fillDefaults?.(object as never)
  return object
}

describe('a pod', () => {
  const pod = (spec: Partial<Pod['spec']> = {}): Pod =>
    completed(Pod, { metadata: { name: 'web' }, spec: { containers: [{ name: 'web', image: 'nginx' }], ...spec } })
  const faults = (spec: Partial<Pod['spec']>) => Pod.check?.(pod(spec) as never)?.map(({ field }) => field)

  test('asks for its limits where it asks for nothing', () => {
    const containers = [{ name: 'web', image: 'a:1', resources: { limits: { cpu: '1', memory: '1024Mi' } } }]
    expect(pod({ containers }).spec.containers[0]).toMatchObject({
      imagePullPolicy: 'IfNotPresent',
      resources: { requests: { cpu: '1', memory: '1Gi' } },
    })
  })

  test('always pulls an image that may have changed', () => {
    const policy = (image: string) => pod({ containers: [{ name: 'a', image }] }).spec.containers[0]?.imagePullPolicy
    expect(policy('nginx')).toBe('Always')
    expect(policy('registry:5000/nginx:latest')).toBe('Always')
    expect(policy('registry:5000/nginx:1')).toBe('IfNotPresent')
    expect(policy('nginx@sha256:00')).toBe('IfNotPresent')
  })

  test('is refused for names twice, mounts of nothing and requests above limits', () => {
    expect(faults({})).toEqual([])
    expect(faults({ containers: [] })).toEqual(['spec.containers'])
    const container = { name: 'a', image: 'b' }
    expect(faults({ containers: [container, container] })).toEqual(['spec.containers[1].name'])
    const mounting = { ...container, volumeMounts: [{ name: 'none', mountPath: '/a' }] }
    expect(faults({ containers: [mounting] })).toEqual(['spec.containers[0].volumeMounts[0].name'])
    const greedy = { ...container, resources: { limits: { cpu: '1' }, requests: { cpu: '1500m' } } }
    expect(faults({ containers: [greedy] })).toEqual(['spec.containers[0].resources.requests[cpu]'])
  })

  test('changes its image and its node once, and nothing else of its spec', () => {
    const update = (before: Partial<Pod['spec']>, after: Partial<Pod['spec']>) =>
      Pod.checkUpdate?.(pod(after) as never, pod(before) as never)?.length
    expect(update({}, { containers: [{ image: 'nginx', name: 'other' }] })).toBe(1)
    const tagged = (image: string) => ({ containers: [{ name: 'web', image, imagePullPolicy: 'Always' as const }] })
    expect(update(tagged('a:1'), tagged('a:2'))).toBe(0)
    expect(update({}, { nodeName: 'one' })).toBe(0)
    expect(update({ nodeName: 'one' }, { nodeName: 'two' })).toBe(1)
    expect(update({}, { hostNetwork: true })).toBe(1)
  })

  test('is told in the words of kubectl', () => {
    const status = { phase: 'Running', containerStatuses: [] }
    expect(podPhrase({ metadata: {}, spec: pod().spec, status })).toBe('Running')
    const waiting = {
      name: 'web',
      image: '',
      imageID: '',
      ready: false,
      restartCount: 3,
      state: { waiting: { reason: 'CrashLoopBackOff' } },
    }
    expect(podPhrase({ metadata: {}, spec: pod().spec, status: { ...status, containerStatuses: [waiting] } })).toBe(
      'CrashLoopBackOff',
    )
    expect(podPhrase({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' }, spec: pod().spec, status })).toBe(
      'Terminating',
    )
  })

  test('gets time to end only while it is on a node and runs', () => {
    expect(Pod.gracePeriodSeconds?.(pod({ terminationGracePeriodSeconds: 9 }) as never)).toBe(0)
    expect(Pod.gracePeriodSeconds?.(pod({ terminationGracePeriodSeconds: 9, nodeName: 'a' }) as never)).toBe(9)
  })
})

describe('a claim', () => {
  const claim = (
    storage: string | undefined,
    more: Partial<PersistentVolumeClaim['spec']> = {},
  ): PersistentVolumeClaim =>
    completed(PersistentVolumeClaim, {
      metadata: { name: 'data' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: storage ? { storage } : {} }, ...more },
    })
  const faults = (one: PersistentVolumeClaim) =>
    PersistentVolumeClaim.check?.(one as never)?.map(({ message }) => message)

  test('says how it is used and how large it is', () => {
    expect(faults(claim('1Gi'))).toEqual([])
    expect(faults(claim(undefined))?.[0]).toContain('how much storage')
    expect(faults(claim('0'))?.[0]).toContain('greater than 0')
    expect(faults(claim('1Gi', { accessModes: [] }))?.[0]).toContain('access mode')
  })

  test('can grow and not shrink, and keeps its class once it has one', () => {
    const update = (next: PersistentVolumeClaim, previous: PersistentVolumeClaim) =>
      PersistentVolumeClaim.checkUpdate?.(next as never, previous as never)?.map(({ field }) => field)
    expect(update(claim('2Gi'), claim('1Gi'))).toEqual([])
    expect(update(claim('1Gi'), claim('2Gi'))).toEqual(['spec.resources.requests.storage'])
    expect(update(claim('1Gi', { storageClassName: 'a' }), claim('1Gi'))).toEqual([])
    expect(update(claim('1Gi', { storageClassName: 'b' }), claim('1Gi', { storageClassName: 'a' }))).toEqual([
      'spec.storageClassName',
    ])
  })

  test('fills either form of its source from the other', () => {
    const made = claim('1Gi', { dataSource: { kind: 'PersistentVolumeClaim', name: 'a' } })
    expect(made.spec.dataSourceRef).toEqual({ kind: 'PersistentVolumeClaim', name: 'a' })
  })
})

describe('a Secret', () => {
  const secret = (more: Partial<Secret>): Secret => completed(Secret, { metadata: { name: 'a' }, ...more })
  const faults = (more: Partial<Secret>) => Secret.check?.(secret(more) as never)?.map(({ field }) => field)

  test('takes text and keeps base64', () => {
    const made = secret({ stringData: { password: 'x' } })
    expect(made).toMatchObject({ type: 'Opaque', data: { password: 'eA==' } })
    expect(made.stringData).toBeUndefined()
  })

  test('has the keys of its type, and not more than a MiB', () => {
    expect(faults({ type: 'kubernetes.io/tls', data: { 'tls.crt': '' } })).toEqual(['data[tls.key]'])
    expect(faults({ data: { 'no/slash': '' } })).toEqual(['data[no/slash]'])
    expect(faults({ data: { a: 'A'.repeat(1_500_000) } })).toEqual(['data'])
    expect(faults({ data: { a: 'not base64!' } })).toEqual(['data[a]'])
  })

  test('that is immutable stays, and a type always does', () => {
    const update = (next: Partial<Secret>, previous: Partial<Secret>) =>
      Secret.checkUpdate?.(secret(next) as never, secret(previous) as never)?.map(({ field }) => field)
    expect(update({ data: { a: 'eA==' } }, {})).toEqual([])
    expect(update({ immutable: true, data: { a: 'eA==' } }, { immutable: true })).toEqual(['data'])
    expect(update({}, { immutable: true })).toEqual(['immutable'])
    expect(update({ type: 'b' }, { type: 'a' })).toEqual(['type'])
  })
})

describe('other core kinds', () => {
  test('a ConfigMap has each key in one place', () => {
    const map: ConfigMap = { metadata: { name: 'a' }, data: { k: 'x' }, binaryData: { k: 'eA==' } }
    expect(ConfigMap.check?.(map as never)).toHaveLength(1)
  })

  test('an Event lies in the namespace of its object', () => {
    const event = (namespace: string): Event => ({
      metadata: { name: 'e', namespace: 'a' },
      involvedObject: { namespace },
    })
    expect(Event.check?.(event('a') as never)).toEqual([])
    expect(Event.check?.(event('b') as never)).toHaveLength(1)
  })

  test('a Node says Ready as its condition does', () => {
    const column = Node.columns?.[0]?.path as (node: Node) => string
    const node: Node = {
      metadata: { name: 'n' },
      spec: {},
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    }
    expect(column(node)).toBe('Ready')
    expect(column({ ...node, spec: { unschedulable: true } })).toBe('Ready,SchedulingDisabled')
    expect(column({ ...node, status: {} })).toBe('Unknown')
  })

  test('a Service points to its own port unless said, and names its ports when there are several', () => {
    const service: Service = completed(Service, { metadata: { name: 's' }, spec: { ports: [{ port: 80 }] } })
    expect(service.spec.ports?.[0]?.targetPort).toBe(80)
    expect(Service.check?.(service as never)).toEqual([])
    const two: Service = { metadata: { name: 's' }, spec: { ports: [{ port: 80 }, { port: 81 }] } }
    expect(Service.check?.(two as never)).toHaveLength(2)
  })
})

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { PersistentVolume } from '@thresher/api/core/persistent-volume'
import type { TypedKind } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import { VolumeSnapshotClass } from '@thresher/api/snapshot/volume-snapshot-class'
import { VolumeSnapshotContent } from '@thresher/api/snapshot/volume-snapshot-content'
import { VolumeSnapshot } from '@thresher/api/snapshot/volume-snapshot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestGuest } from '@thresher/agent/compute/testing-guest'
import { noOpenVolumes, type OpenVolumes } from '@thresher/agent/storage/open-volumes'
import { reached, startStorageCluster, type StorageCluster } from './storage-cluster.ts'

let cluster: StorageCluster
let guest: TestGuest | undefined
/** What the guest has open, while there is one. */
const open: OpenVolumes = {
  resize: (...args) => (guest ?? noOpenVolumes).resize(...args),
  switchLayers: (...args) => (guest ?? noOpenVolumes).switchLayers(...args),
  mergeLayers: (...args) => (guest ?? noOpenVolumes).mergeLayers(...args),
}

beforeAll(async () => {
  cluster = await startStorageCluster(open)
}, 60_000)

afterAll(async () => {
  await guest?.[Symbol.asyncDispose]()
  await cluster[Symbol.asyncDispose]()
})

const until = <O extends KubeObject>(kind: TypedKind<O>, name: string, is: (object: O | undefined) => boolean) =>
  reached(cluster, kind, name, is)

async function claim(
  name: string,
  storage: string,
  spec: Partial<PersistentVolumeClaim['spec']> = {},
): Promise<PersistentVolumeClaim> {
  const annotations = spec.dataSource ? undefined : { 'volume.kubernetes.io/selected-node': 'here' }
  return cluster.client.resource(PersistentVolumeClaim).create({
    metadata: { name, namespace: 'default', annotations },
    spec: {
      storageClassName: 'local',
      accessModes: ['ReadWriteOnce'],
      volumeMode: 'Block',
      resources: { requests: { storage } },
      ...spec,
    },
  })
}

const bound = (name: string) => until(PersistentVolumeClaim, name, (one) => one?.status?.phase === 'Bound')
const ready = (name: string) => until(VolumeSnapshot, name, (one) => one?.status?.readyToUse === true)
const snapshot = (name: string, persistentVolumeClaimName: string, more: Partial<VolumeSnapshot['metadata']> = {}) =>
  cluster.client.resource(VolumeSnapshot).create({
    metadata: { name, namespace: 'default', ...more },
    spec: { source: { persistentVolumeClaimName } },
  })
const ofSnapshot = (name: string) => ({ apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name })
const refusal = (name: string) =>
  until(VolumeSnapshot, name, (one) => one?.status?.error !== undefined).then(({ status }) => status?.error?.message)

describe('a VolumeSnapshot', () => {
  it('gets a content, is taken by the node of the volume, and new claims are made from it at once', async () => {
    await claim('data', '16Mi')
    const { spec } = await bound('data')
    await snapshot('first', 'data')
    const { status, metadata } = await ready('first')
    expect(status).toMatchObject({
      boundVolumeSnapshotContentName: `snapcontent-${metadata.uid}`,
      restoreSize: '16Mi',
      creationTime: expect.stringMatching(/^20\d\d-.*Z$/),
    })
    expect(status?.error).toBeUndefined()
    const content = await cluster.client.resource(VolumeSnapshotContent).get(`snapcontent-${metadata.uid}`)
    expect(content).toMatchObject({
      spec: {
        driver: 'local.thresher.io',
        deletionPolicy: 'Delete',
        source: { volumeHandle: spec.volumeName },
        sourceVolumeMode: 'Block',
        volumeSnapshotClassName: 'local',
      },
      status: { readyToUse: true, restoreSize: 16 * 1024 * 1024, snapshotHandle: `snapshot-${metadata.uid}` },
    })
    expect(Math.abs(content.status!.creationTime! / 1e6 - Date.now())).toBeLessThan(60_000)
    // The class waits for a first consumer, but where the content lies is known.
    await claim('restored', '32Mi', { dataSource: ofSnapshot('first') })
    expect((await bound('restored')).status?.capacity).toEqual({ storage: '32Mi' })
  })

  it('of a volume that a guest writes is taken while it runs', async () => {
    await claim('running', '16Mi')
    const handle = (await bound('running')).spec.volumeName!
    guest = await TestGuest.start({ [handle]: await cluster.storage.driver.publish(handle) })
    await guest.io(handle, 'write -P 0x11 0 1M')
    await snapshot('live', 'running')
    await ready('live')
    await guest.io(handle, 'write -P 0x22 0 1M')
    await claim('then', '16Mi', { dataSource: ofSnapshot('live') })
    await claim('now', '16Mi', { dataSource: { kind: 'PersistentVolumeClaim', name: 'running' } })
    const [then, now] = [await bound('then'), await bound('now')].map(({ spec }) => spec.volumeName!)
    await using other = await TestGuest.start({
      [then!]: await cluster.storage.driver.publish(then!, { nodeName: 'then' }),
      [now!]: await cluster.storage.driver.publish(now!, { nodeName: 'now' }),
    })
    await other.io(then!, 'read -P 0x11 0 1M')
    await other.io(now!, 'read -P 0x22 0 1M')
    for (const volume of [then!, now!]) await cluster.storage.driver.unpublish(volume)
    await guest[Symbol.asyncDispose]()
    guest = undefined
    await cluster.storage.driver.unpublish(handle)
  })

  it('of a group waits until all of it are there', async () => {
    for (const name of ['one', 'two']) {
      await claim(name, '16Mi')
      await bound(name)
    }
    const annotations = { 'thresher.io/snapshot-group': 'g1', 'thresher.io/snapshot-group-size': '2' }
    await snapshot('of-one', 'one', { annotations })
    await until(VolumeSnapshot, 'of-one', (one) => one?.status?.boundVolumeSnapshotContentName !== undefined)
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect((await cluster.client.resource(VolumeSnapshot).get('of-one', 'default')).status?.readyToUse).toBe(false)
    await snapshot('of-two', 'two', { annotations })
    const [one, two] = [await ready('of-one'), await ready('of-two')]
    expect(one.status?.creationTime).toBe(two.status?.creationTime)
  })

  it('of a group of another namespace keeps nobody from being taken', async () => {
    const annotations = { 'thresher.io/snapshot-group': 'shared', 'thresher.io/snapshot-group-size': '1' }
    const of = (name: string, namespace: string, volumeHandle: string) => ({
      metadata: { name, annotations: { ...annotations, 'thresher.io/snapshot-node': 'here' } },
      spec: {
        driver: 'local.thresher.io',
        deletionPolicy: 'Delete' as const,
        source: { volumeHandle },
        volumeSnapshotRef: { name, namespace, uid: name },
      },
    })
    const contents = cluster.client.resource(VolumeSnapshotContent)
    await contents.create(of('stranger', 'kube-public', 'no-such-volume'))
    await contents.create(of('mine', 'default', (await bound('data')).spec.volumeName!))
    await until(VolumeSnapshotContent, 'mine', (one) => one?.status?.readyToUse === true)
    const stranger = await until(VolumeSnapshotContent, 'stranger', (one) => one?.status?.error !== undefined)
    expect(stranger.status?.error?.message).toContain('there is no volume no-such-volume on this host')
    for (const name of ['stranger', 'mine']) await contents.delete(name)
  })

  it('says what is missing, and is taken when it is there', async () => {
    await snapshot('early', 'later')
    expect(await refusal('early')).toBe('the claim later does not exist; name one of the namespace default')
    await claim('later', '16Mi')
    await bound('later')
    expect((await ready('early')).status?.error).toBeUndefined()
    await cluster.client.resource(VolumeSnapshotClass).create({
      metadata: { name: 'foreign' },
      driver: 'csi.example.org',
      deletionPolicy: 'Delete',
    })
    for (const [name, volumeSnapshotClassName, words] of [
      ['of-none', 'gone', 'the VolumeSnapshotClass gone does not exist'],
      ['of-another', 'foreign', 'is of the driver csi.example.org, but the volume is of local.thresher.io'],
    ] as const) {
      await cluster.client.resource(VolumeSnapshot).create({
        metadata: { name, namespace: 'default' },
        spec: { volumeSnapshotClassName, source: { persistentVolumeClaimName: 'later' } },
      })
      expect(await refusal(name)).toContain(words)
    }
  })

  it('too large for a claim is refused on the claim, with the size to ask for', async () => {
    await claim('small', '8Mi', { dataSource: ofSnapshot('first') })
    const small = await until(PersistentVolumeClaim, 'small', (one) => one?.status?.conditions !== undefined)
    expect(small.status?.conditions?.[0]).toMatchObject({
      type: 'Provisioned',
      reason: 'TooSmall',
      message: 'the claim default/small is smaller than the snapshot first; ask for at least 16Mi',
    })
    await claim('smaller', '8Mi', { dataSource: { kind: 'PersistentVolumeClaim', name: 'data' } })
    const smaller = await until(PersistentVolumeClaim, 'smaller', (one) => one?.status?.conditions !== undefined)
    expect(smaller.status?.conditions?.[0]?.message).toContain('is smaller than data, of which it is a copy')
  })

  it('can be taken up by another that names its content', async () => {
    const { metadata } = await ready('first')
    const made = await cluster.client.resource(VolumeSnapshotContent).get(`snapcontent-${metadata.uid}`)
    const spec = {
      driver: 'local.thresher.io',
      deletionPolicy: 'Retain' as const,
      source: { snapshotHandle: made.status!.snapshotHandle },
      volumeSnapshotRef: { name: 'adopted', namespace: 'default' },
    }
    const annotations = { 'thresher.io/snapshot-node': 'here' }
    await cluster.client.resource(VolumeSnapshotContent).create({ metadata: { name: 'known', annotations }, spec })
    for (const [name, words] of [
      ['adopted', undefined],
      ['thief', 'is for default/adopted'],
    ] as const) {
      await cluster.client.resource(VolumeSnapshot).create({
        metadata: { name, namespace: 'default' },
        spec: { source: { volumeSnapshotContentName: 'known' } },
      })
      if (words) expect(await refusal(name)).toContain(words)
      else expect((await ready(name)).status?.restoreSize).toBe('16Mi')
    }
  })

  it('goes with its content and its file; what was made from it stays', async () => {
    const { metadata } = await ready('live')
    await cluster.client.resource(VolumeSnapshot).delete('live', 'default')
    await until(VolumeSnapshot, 'live', (one) => one === undefined)
    await until(VolumeSnapshotContent, `snapcontent-${metadata.uid}`, (one) => one === undefined)
    expect(await cluster.storage.driver.listSnapshots()).not.toContain(`snapshot-${metadata.uid}`)
    for (const name of ['running', 'now', 'then'])
      await cluster.client.resource(PersistentVolumeClaim).delete(name, 'default')
    for (const name of ['running', 'now', 'then']) await until(PersistentVolumeClaim, name, (one) => one === undefined)
    const left = await cluster.client.resource(PersistentVolume).list()
    await expect
      .poll(() =>
        readdirSync(join(cluster.root, 'volumes')).filter(
          (name) => !left.items.some((one) => name.startsWith(one.metadata.name!)),
        ),
      )
      .toEqual([])
    expect(cluster.warnings.filter((words) => words.includes('local-'))).toEqual([])
  })
})

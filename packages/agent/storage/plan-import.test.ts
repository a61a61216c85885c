import type { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { describe, expect, it } from 'vitest'
import { planImport, type ImportWorld } from './plan-import.ts'

const now = Date.parse('2026-01-01T00:00:00Z')

function image(more: {
  spec?: Partial<VirtualMachineImage['spec']>
  status?: VirtualMachineImage['status']
  metadata?: Partial<VirtualMachineImage['metadata']>
}): VirtualMachineImage {
  return {
    metadata: {
      name: 'one',
      namespace: 'default',
      annotations: { 'thresher.io/import-node': 'here' },
      finalizers: ['local.thresher.io/image'],
      ...more.metadata,
    },
    spec: { displayName: 'one', sourceType: 'download', url: 'http://x/', ...more.spec } as VirtualMachineImage['spec'],
    status: more.status,
  }
}

const plan = (of: Parameters<typeof image>[0], world: Partial<ImportWorld> = {}) =>
  planImport({
    node: 'here',
    image: image(of),
    virtualBytes: undefined,
    uploaded: false,
    running: false,
    nowMs: now,
    ...world,
  })

const failedAt = (secondsAgo: number, failed: number, reason = 'Cut') => ({
  failed,
  lastFailedTime: new Date(now - secondsAgo * 1000).toISOString(),
  conditions: [{ type: 'Imported', status: 'False', reason }],
})
const imported = { conditions: [{ type: 'Imported', status: 'True' }] }

describe('the next step of an import', () => {
  it('is to hold the image before anything is written', () => {
    expect(plan({ metadata: { finalizers: [] } })).toEqual({ do: 'hold' })
  })

  it('is none for an image of another node', () => {
    expect(plan({ metadata: { annotations: { 'thresher.io/import-node': 'there' } } })).toEqual({ do: 'nothing' })
  })

  it('follows the source', () => {
    expect(plan({ spec: { checksum: 'ab' } })).toEqual({ do: 'download', url: 'http://x/', checksum: 'ab' })
    expect(plan({ spec: { sourceType: 'upload' } })).toEqual({ do: 'await-upload' })
    expect(plan({ spec: { sourceType: 'upload' } }, { uploaded: true })).toEqual({ do: 'take-upload' })
    const volume = { sourceType: 'export-from-volume' as const, pvcNamespace: 'a', pvcName: 'b' }
    expect(plan({ spec: volume })).toEqual({ do: 'export', claim: 'a/b' })
    expect(plan({ spec: { sourceType: 'restore' } })).toMatchObject({ do: 'fail', reason: 'Unsupported' })
  })

  it.each([
    [1, 1, { do: 'wait', ms: 4_000 }],
    [1, 2, { do: 'wait', ms: 9_000 }],
    [1, 20, { do: 'wait', ms: 299_000 }],
    [5, 1, { do: 'download' }],
  ])('after a failure %i s ago, the %i. one, rests longer each time', (seconds, failed, step) => {
    expect(plan({ status: failedAt(seconds, failed) })).toMatchObject(step)
  })

  it('rests a minute for a full disk, whatever failed before', () => {
    expect(plan({ status: failedAt(10, 0, 'NoSpace') })).toEqual({ do: 'wait', ms: 50_000 })
  })

  it('does not rest for ever when the clock was set back', () => {
    expect(plan({ status: failedAt(-86_400, 1) })).toEqual({ do: 'wait', ms: 5_000 })
  })

  it('is none once the tries are used up', () => {
    const conditions = [{ type: 'RetryLimitExceeded', status: 'True' }]
    expect(plan({ status: { failed: 4, conditions } })).toEqual({ do: 'nothing' })
  })

  it('is to tell of a file that is there, when the status does not', () => {
    expect(plan({}, { virtualBytes: 7 })).toEqual({ do: 'report', virtualBytes: 7 })
    expect(plan({ status: imported }, { virtualBytes: 7 })).toEqual({ do: 'nothing' })
  })

  it('is to say so when a finished file is gone', () => {
    expect(plan({ status: imported })).toMatchObject({ do: 'fail', reason: 'FileMissing' })
  })

  it('is to remove the file of a deleted image, while it holds it', () => {
    const deletionTimestamp = '2026-01-01T00:00:00Z'
    expect(plan({ metadata: { deletionTimestamp } }, { running: true })).toEqual({ do: 'remove' })
    expect(plan({ metadata: { deletionTimestamp, finalizers: [] } })).toEqual({ do: 'nothing' })
  })
})

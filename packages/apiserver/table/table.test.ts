import { describe, expect, it } from 'vitest'
import { defineKind, type Kind } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import { humanDuration } from './human-duration.ts'
import { partialMetadataList } from './partial-metadata.ts'
import { toTable } from './table.ts'

const base = { group: 'example.com', version: 'v1', kind: 'Disk', plural: 'disks', namespaced: true }
const now = Date.parse('2026-01-01T01:00:00Z')
const disk = {
  apiVersion: 'example.com/v1',
  kind: 'Disk',
  metadata: { name: 'd', creationTimestamp: '2026-01-01T00:55:00Z' },
  spec: { size: 5.5, ready: true, tags: ['a', 'b'], since: 'bad', nested: { a: 1 }, count: 3 },
} as KubeObject

describe('tables', () => {
  it('have a name and an age where a kind declares no columns', () => {
    const table = toTable(defineKind(base), [disk], { now, metadata: { resourceVersion: '7' } })
    expect(table.columnDefinitions.map(({ name, type }) => [name, type])).toEqual([
      ['Name', 'string'],
      ['Age', 'date'],
    ])
    expect(table.rows).toEqual([
      {
        cells: ['d', '5m'],
        object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: disk.metadata },
      },
    ])
    expect(table.metadata).toEqual({ resourceVersion: '7' })
  })

  it('fill cells by JSONPath or function, by the type of the column', () => {
    const columns = [
      { name: 'Size', type: 'integer', path: '.spec.size' },
      { name: 'Ready', type: 'boolean', path: '.spec.ready' },
      { name: 'Tags', path: '.spec.tags' },
      { name: 'Each', path: '.spec.tags[*]' },
      { name: 'Since', type: 'date', path: '.spec.since' },
      { name: 'None', path: '.spec.none', priority: 1 },
      { name: 'Odd', type: 'integer', path: '.spec.tags' },
      {
        name: 'Made',
        type: 'integer',
        path: (object: never) => (object as { spec: { count: number } }).spec.count * 2,
      },
    ] as Kind['columns']
    const kind: Kind = { ...defineKind(base), columns }
    const table = toTable(kind, [disk], {
      now,
      includeObject: 'None',
      headers: false,
      apiVersion: 'meta.k8s.io/v1beta1',
    })
    expect(table.rows).toEqual([{ cells: ['d', 5, true, '["a","b"]', 'a b', '<invalid>', null, null, 6] }])
    expect(table.columnDefinitions).toEqual([])
    expect(toTable(kind, [disk]).columnDefinitions[6]).toMatchObject({ name: 'None', priority: 1 })
    expect(toTable(kind, [disk], { includeObject: 'Object' }).rows[0]?.object).toBe(disk)
  })

  it('print ages as kubectl does', () => {
    const seconds: [number, string][] = [
      [-5, '<invalid>'],
      [0, '0s'],
      [119, '119s'],
      [120, '2m'],
      [303, '5m3s'],
      [600, '10m'],
      [10_799, '179m'],
      [10_800, '3h'],
      [12_000, '3h20m'],
      [8 * 3600, '8h'],
      [48 * 3600, '2d'],
      [50 * 3600, '2d2h'],
      [9 * 86_400, '9d'],
      [800 * 86_400, '2y70d'],
      [3000 * 86_400, '8y'],
    ]
    for (const [span, text] of seconds) expect(humanDuration(span * 1000)).toBe(text)
  })

  it('leave only the metadata where only that is asked for', () => {
    expect(partialMetadataList([disk], { resourceVersion: '3' })).toEqual({
      kind: 'PartialObjectMetadataList',
      apiVersion: 'meta.k8s.io/v1',
      metadata: { resourceVersion: '3' },
      items: [{ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: disk.metadata }],
    })
  })
})

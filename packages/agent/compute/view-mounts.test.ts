import { expect, it } from 'vitest'
import { runEntries, viewTable } from './view-mounts.ts'

it('a run sees its own folder in an empty one, below folders of volumes that are there before it', () => {
  const entries = runEntries({
    own: ['/run/thresher/vms/u1', '/data/scratch/u1'],
    writable: ['/data/volumes'],
    readOnly: ['/data/images'],
  })
  expect(entries).toEqual([
    { path: '/data/images', as: 'read-only' },
    { path: '/data/volumes', as: 'writable' },
    { path: '/data/scratch', as: 'empty' },
    { path: '/run/thresher/vms', as: 'empty' },
    { path: '/data/scratch/u1', as: 'writable' },
    { path: '/run/thresher/vms/u1', as: 'writable' },
  ])
})

it('a path with blanks is one word of the table, and cannot add another line', () => {
  const table = viewTable('/view', [{ path: '/my disks\n/etc', as: 'read-only' }])
  expect(table).toBe('/my\\040disks\\012/etc /view/my\\040disks\\012/etc none bind,ro,nosuid,nodev,X-mount.mkdir 0 0\n')
})

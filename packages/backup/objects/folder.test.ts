import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Folder } from './folder.ts'
import { describeObjectStore } from './object-store-conformance.ts'

function folder(): string {
  return mkdtempSync(join(tmpdir(), 'thresher-objects-'))
}

describeObjectStore('in a folder', async () => {
  const root = folder()
  return {
    store: new Folder(root),
    [Symbol.asyncDispose]: async () => rmSync(root, { recursive: true, force: true }),
  }
})

test('a file that was being written when its writer died is no object', async () => {
  const root = folder()
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  mkdirSync(join(root, 'blocks'))
  writeFileSync(join(root, 'blocks/.new-1'), 'half')
  const listed = []
  for await (const one of new Folder(root).list('')) listed.push(one)
  expect(listed).toEqual([])
})

test('a share that is not mounted is said to be so, and nothing is written below it', async () => {
  const store = new Folder('/nowhere/at/all')
  await expect(store.put('a', Buffer.from('x'))).rejects.toMatchObject({
    reason: 'Missing',
    message: expect.stringContaining('check that the share is mounted'),
  })
})

import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isOpenByQemu } from './file-locks.ts'

let root: string
const started: ChildProcess[] = []

beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'thresher-locks-'))))
afterEach(async () => {
  for (const child of started.splice(0)) {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  rmSync(root, { recursive: true, force: true })
})

function make(path: string): string {
  writeFileSync(path, '')
  truncateSync(path, 1024 * 1024)
  return path
}

/** Have a file open in one of QEMU's programs, for reading or writing. */
async function hold(path: string, ...options: string[]): Promise<void> {
  const child = spawn('qemu-io', [...options, '-f', 'raw', path], { stdio: ['pipe', 'pipe', 'ignore'] })
  started.push(child)
  child.stdin.write('length\n')
  await once(child.stdout, 'data')
  await expect.poll(() => isOpenByQemu(path)).toBe(true)
}

describe('whether QEMU has a file open', () => {
  it.each([
    ['for writing', []],
    ['for reading only', ['-r']],
  ])('%s is seen, until it ends', async (_, options) => {
    const path = make(join(root, 'disk'))
    expect(await isOpenByQemu(path)).toBe(false)
    await hold(path, ...options)
    expect(await isOpenByQemu(make(join(root, 'other')))).toBe(false)
    for (const child of started.splice(0)) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    expect(await isOpenByQemu(path)).toBe(false)
  })

  it.skipIf(process.getuid?.() !== 0)(
    'is not mixed up with a file of the same number in another file system',
    async () => {
      const mounted: string[] = []
      try {
        const [one, two] = ['one', 'two'].map((name) => {
          const folder = join(root, name)
          mkdirSync(folder)
          execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,inode64', 'tmpfs', folder])
          mounted.push(folder)
          return make(join(folder, 'disk'))
        })
        expect(statSync(one!).ino).toBe(statSync(two!).ino)
        await hold(one!)
        expect(await isOpenByQemu(two!)).toBe(false)
      } finally {
        for (const folder of mounted) execFileSync('umount', ['-l', folder])
      }
    },
  )
})

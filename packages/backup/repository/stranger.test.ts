import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { Folder } from '../objects/folder.ts'
import { backUp, key, MemoryDisk, repositoryOn } from './testing.ts'

const script = fileURLToPath(new URL('../../../docs/restore-without-thresher.mjs', import.meta.url))

test('a stranger restores a disk with the script in docs and the recovery key alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'thresher-stranger-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const disk = new MemoryDisk(13 * 1024 * 1024 + 512)
  disk.write(4_000_000, 3_000_000, 'data')
  disk.write(disk.bytes - 100, 100, 'end')
  const { uid } = await backUp(await repositoryOn(new Folder(folder)), disk)
  const run = (...args: string[]): string =>
    execFileSync(process.execPath, [script, folder, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  expect(run(key.text())).toBe(`${uid} 2026-01-31T12:00:00Z default/web root\n`)
  const file = join(folder, 'root.raw')
  run(key.text(), uid, 'root', file)
  expect(readFileSync(file).equals(disk.content)).toBe(true)
  const slip = key.text().replace(/(?<=^TBK1-)./, (sign) => (sign === 'A' ? 'B' : 'A'))
  expect(() => run(slip)).toThrow('no recovery key')
})

import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { claimHost, HostInUseError, type HostClaim } from './host-claim.ts'

const folder = mkdtempSync(join(tmpdir(), 'thresher-claim-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('a lab host', () => {
  it('is left alone while the process that made it lives', async () => {
    const runDir = join(folder, 'living')
    await claimHost(runDir, '/data/1', () => Promise.reject(new Error('nothing is left of it')))
    const again = claimHost(runDir, '/data/2', () => Promise.reject(new Error('it lives')))
    await expect(again).rejects.toThrow(HostInUseError)
  })

  it('is cleaned up after a process that died, even when its number is taken again', async () => {
    const runDir = join(folder, 'dead')
    const swept: HostClaim[] = []
    await claimHost(runDir, '/data/1', () => Promise.resolve())
    const ended = Number(execFileSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' }))
    for (const pid of [ended, process.pid]) {
      writeFileSync(join(runDir, 'claim.json'), JSON.stringify({ pid, started: '1', dataDir: `/data/${pid}` }))
      writeFileSync(join(runDir, 'left'), '')
      await claimHost(runDir, '/data/2', async (claim) => void swept.push(claim))
      expect(existsSync(join(runDir, 'left'))).toBe(false)
    }
    expect(swept.map(({ dataDir }) => dataDir)).toEqual([`/data/${ended}`, `/data/${process.pid}`])
  })
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runStep } from './supervisor-step.ts'

describe('a step of the supervisor', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'step-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))
  const paths = () => ({ app: folder, dataDir: join(folder, 'data'), runDir: join(folder, 'run') })

  it('fails with the sentence that its process ended with', async () => {
    // Settings that nobody can read; the step itself is the real one.
    const dataDir = join(folder, 'a-file')
    writeFileSync(dataDir, '')
    await expect(runStep('credentials', { ...paths(), dataDir })).rejects.toThrow(dataDir)
  })

  it('fails too when its process dies without a word', async () => {
    const program = join(folder, 'dies.mjs')
    writeFileSync(program, `process.kill(process.pid, 'SIGKILL')`)
    await expect(runStep('server', paths(), program)).rejects.toThrow('the step server ended with SIGKILL')
  })
})

import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { unitName, unitText } from './unit.ts'

function verify(file: string): Promise<{ code: number; output: string }> {
  return new Promise((done) =>
    execFile('systemd-analyze', ['verify', '--man=no', file], (error, stdout, stderr) =>
      done({ code: Number(error?.code ?? 0), output: stdout + stderr }),
    ),
  )
}

test('systemd accepts the unit without a word, also with blanks and signs in its paths', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'unit-'))
  try {
    for (const dataDir of ['/var/lib/thresher', join(folder, 'a b%h')]) {
      mkdirSync(join(folder, 'a b%h'), { recursive: true })
      const paths = { app: folder, dataDir, runDir: '/run/thresher' }
      const file = join(folder, unitName(paths))
      writeFileSync(file, unitText(paths, [process.execPath, '/x/supervise.ts', '--data-dir', dataDir]))
      expect(await verify(file)).toEqual({ code: 0, output: '' })
    }
    const wrong = join(folder, 'wrong.service')
    writeFileSync(wrong, unitText({ app: folder, dataDir: folder, runDir: '/run' }, ['/no/such/program']))
    expect((await verify(wrong)).output).toContain('/no/such/program is not executable')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('installations in different folders have units of their own', () => {
  expect(unitName({ dataDir: '/var/lib/thresher' })).toBe('thresher.service')
  expect(unitName({ dataDir: '/srv/b' })).toBe('thresher-srv-b.service')
})

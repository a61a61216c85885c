import { spawnSync } from 'node:child_process'
import { mkdtempSync, openSync, closeSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

test('a program on a full disk writes why it ended where there is room, with the stack', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fatal-'))
  const full = openSync('/dev/full', 'w')
  const script = `
    import { endOnUncaught } from ${JSON.stringify(join(import.meta.dirname, 'fatal.ts'))}
    endOnUncaught('program', ['/nonexistent', ${JSON.stringify(folder)}])
    function broken() { throw new Error('outer', { cause: new Error('inner') }) }
    setTimeout(broken, 1)
  `
  const { status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', full, full],
  })
  closeSync(full)
  expect(status).toBe(1)
  const text = readFileSync(join(folder, 'program.fatal'), 'utf8')
  expect(text).toMatch(/program ends: Error: outer\n {4}at .*broken/)
  expect(text).toContain('caused by Error: inner')
})

import { execFileSync, spawnSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { writeFatal } from './fatal.ts'

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

describe('the file of a fatal error, where others can have put something under its name', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'fatal-'))
    for (const name of ['shared', 'own']) mkdirSync(join(folder, name))
    writeFileSync(join(folder, 'precious'), 'kept')
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const place = () => join(folder, 'shared', 'program.fatal')
  const write = () => writeFatal('program', new Error('broken'), [join(folder, 'shared'), join(folder, 'own')])

  it.each([
    ['link', () => symlinkSync(join(folder, 'precious'), place())],
    ['second name of a file', () => linkSync(join(folder, 'precious'), place())],
    ['pipe that nobody reads', () => execFileSync('mkfifo', [place()])],
    ['link to what is not there yet', () => symlinkSync(join(folder, 'made'), place())],
  ])('is no %s: the next folder takes it', (_, put) => {
    put()
    expect(write()).toContain(join(folder, 'own', 'program.fatal'))
    expect(readFileSync(join(folder, 'precious'), 'utf8')).toBe('kept')
    expect(existsSync(join(folder, 'made'))).toBe(false)
    expect(readFileSync(join(folder, 'own', 'program.fatal'), 'utf8')).toContain('Error: broken')
  })

  it('is the first that is our own, and for its owner only', () => {
    expect(write()).toContain(place())
    expect(write()).toContain(place())
    expect(statSync(place()).mode & 0o777).toBe(0o600)
    expect(readFileSync(place(), 'utf8').match(/Error: broken/g)).toHaveLength(2)
  })
})

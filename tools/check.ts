import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')
const bin = (name: string) => join(root, 'node_modules/.bin', name)

/** The checks that come before the tests, in the order in which they are cheapest to fail. */
const checks: { name: string; command: string; args: string[] }[] = [
  { name: 'format', command: bin('oxfmt'), args: ['--check'] },
  { name: 'types', command: bin('tsc'), args: ['--noEmit', '--project', '.'] },
  {
    name: 'types of the dashboard',
    command: bin('tsc'),
    args: ['--noEmit', '--project', 'packages/dashboard'],
  },
  { name: 'lint', command: bin('oxlint'), args: ['--type-aware', '--quiet'] },
  { name: 'layers', command: process.execPath, args: [join(root, 'tools/check-layers.ts')] },
]

/** Run one check with its output passed through; whether it succeeded. */
function run(command: string, args: string[]): Promise<boolean> {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit' })
    child.once('error', fail)
    child.once('exit', (code) => done(code === 0))
  })
}

/** Run every check; the names of those that failed. */
export async function check(): Promise<string[]> {
  const failed: string[] = []
  for (const { name, command, args } of checks) {
    console.log(`── ${name}`)
    if (!(await run(command, args))) failed.push(name)
  }
  return failed
}

if (import.meta.main) {
  const failed = await check()
  if (failed.length > 0) console.error(`failed: ${failed.join(', ')}`)
  process.exitCode = failed.length === 0 ? 0 : 1
}

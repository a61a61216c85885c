import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { guestBuildPackages } from '@thresher/lab/guest/packages'
import type { Command } from '../command.ts'
import { nodeBinary } from '../host/installation.ts'
import { hostPackages, installPackages, missingPackages, testPackages } from '../host/packages.ts'
import { UserError } from '../user-error.ts'

/** The parts of vitest's JSON report that are counted. */
interface Report {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  success: boolean
}

/** `thresher test`: every check and test of the project, ending in `N passed, N failed`. */
export const test: Command = {
  path: ['test'],
  summary: 'Check and test everything, from the format to whole machines',
  arguments: [
    { name: 'filter', description: 'only test files whose path contains this', optional: true, variadic: true },
  ],
  options: [
    {
      flags: '--project <name>',
      description: 'unit, security, conformance or e2e; all unless said',
      choices: ['unit', 'security', 'conformance', 'e2e'],
    },
  ],
  async run({ paths, signal }, filters, options) {
    const wanted = [...hostPackages, ...guestBuildPackages, ...testPackages]
    const missing = await missingPackages(
      wanted.filter((one, index) => wanted.findIndex((other) => other.name === one.name) === index),
    )
    if (missing.length > 0) {
      console.log(`Installing Debian packages for the tests: ${missing.map((one) => one.name).join(' ')}`)
      await installPackages(missing, signal)
    }
    const node = nodeBinary(paths.app)
    const env = {
      ...process.env,
      PATH: `${join(node, '..')}:${join(paths.app, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`,
    }
    const checked =
      filters.length > 0 ? 0 : await passThrough(node, [join(paths.app, 'tools/check.ts')], paths.app, env)
    const folder = mkdtempSync(join(tmpdir(), 'thresher-test-'))
    try {
      const report = join(folder, 'report.json')
      const projects =
        options['project'] === undefined ? ['unit', 'security', 'conformance', 'e2e'] : [options['project'] as string]
      const total = { passed: 0, failed: checked === 0 ? 0 : 1, skipped: 0 }
      for (const project of projects) {
        const vitest = join(paths.app, 'node_modules/vitest/vitest.mjs')
        const args = [
          vitest,
          'run',
          '--project',
          project,
          '--passWithNoTests',
          '--reporter=default',
          '--reporter=json',
          `--outputFile.json=${report}`,
          ...filters,
        ]
        const code = await passThrough(node, ['--disable-warning=ExperimentalWarning', ...args], paths.app, env)
        addReport(total, report, code)
      }
      console.log(
        `${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`,
      )
      if (total.failed > 0 || total.passed === 0) process.exitCode = 1
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

/** A run without a report, or one that failed outside of any test, counts as one failure. */
function addReport(total: { passed: number; failed: number; skipped: number }, file: string, code: number): void {
  if (!existsSync(file)) {
    total.failed += 1
    return
  }
  const report = JSON.parse(readFileSync(file, 'utf8')) as Report
  rmSync(file)
  total.passed += report.numPassedTests
  total.failed += report.numFailedTests + (code !== 0 && report.numFailedTests === 0 ? 1 : 0)
  total.skipped += report.numPendingTests
}

function passThrough(program: string, args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: 'inherit' })
    child.once('error', (error) => reject(new UserError(`${program} could not be started: ${error.message}`)))
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

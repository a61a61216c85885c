import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { guestBuildPackages } from '@thresher/lab/guest/packages'
import { reportVariable, type RunReport } from '../run-report.ts'
import type { Command, OptionValues } from '../command.ts'
import { nodeBinary } from '../host/installation.ts'
import { hostPackages, installPackages, missingPackages, testPackages } from '../host/packages.ts'
import { UserError } from '../user-error.ts'

const projects = ['unit', 'security', 'conformance', 'e2e', 'chaos']

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
      description: `${projects.join(', ')}; all unless said`,
      choices: projects,
    },
    { flags: '--chaos', description: 'let things happen to a host, and nothing else; the same as --project chaos' },
    { flags: '--rounds <count>', description: 'how many things happen in a run of chaos; a few unless said' },
    { flags: '--seed <seed>', description: 'which things, and in what order: the same for the same seed' },
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
      ...chaosFrom(options),
      PATH: `${join(node, '..')}:${join(paths.app, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`,
    }
    const checked =
      filters.length > 0 ? 0 : await passThrough(node, [join(paths.app, 'tools/check.ts')], paths.app, env)
    const folder = mkdtempSync(join(tmpdir(), 'thresher-test-'))
    try {
      const report = join(folder, 'report.json')
      const chosen = options['chaos'] === true ? 'chaos' : (options['project'] as string | undefined)
      const total: RunReport = { passed: 0, failed: 0, skipped: 0, unfinished: [], failures: [] }
      if (checked !== 0) addFailure(total, 'checks', 'the format, the types, the linter or the layers: see above')
      for (const project of chosen === undefined ? projects : [chosen]) {
        const vitest = join(paths.app, 'node_modules/vitest/vitest.mjs')
        const args = [
          vitest,
          'run',
          '--project',
          project,
          '--passWithNoTests',
          '--reporter=default',
          `--reporter=${join(paths.app, 'packages/cli/run-report.ts')}`,
          ...filters,
        ]
        const code = await passThrough(node, ['--disable-warning=ExperimentalWarning', ...args], paths.app, {
          ...env,
          [reportVariable]: report,
        })
        addReport(total, project, report, code)
      }
      printTotal(total)
      if (total.failed > 0 || total.passed === 0) process.exitCode = 1
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

/** How long a run of chaos is, and which. @throws {UserError} */
function chaosFrom(options: OptionValues): Record<string, string> {
  const { rounds, seed } = options
  if (typeof rounds === 'string' && !(Number(rounds) >= 1 && Number.isInteger(Number(rounds))))
    throw new UserError('--rounds must be a number from 1.')
  return {
    ...(typeof rounds === 'string' ? { THRESHER_CHAOS_ROUNDS: rounds } : {}),
    ...(typeof seed === 'string' ? { THRESHER_CHAOS_SEED: seed } : {}),
  }
}

/** A run without a report, or one that failed outside of any test, counts as one failure. */
function addReport(total: RunReport, project: string, file: string, code: number): void {
  if (!existsSync(file)) return addFailure(total, project, 'the run ended without a report')
  const report = JSON.parse(readFileSync(file, 'utf8')) as RunReport
  rmSync(file)
  for (const count of ['passed', 'failed', 'skipped'] as const) total[count] += report[count]
  total.failures.push(...report.failures)
  total.unfinished.push(...report.unfinished)
  if (code !== 0 && report.failed === 0) addFailure(total, project, 'failed outside of any test')
}

function addFailure(total: RunReport, name: string, message: string): void {
  total.failed += 1
  total.failures.push({ name, message })
}

function printTotal({ passed, failed, skipped, failures, unfinished }: RunReport): void {
  for (const { name, message } of failures) console.log(`\nFailed: ${name}\n${message.replaceAll(/^/gm, '  ')}`)
  for (const name of unfinished) console.log(`\nNot finished: ${name}`)
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
}

function passThrough(program: string, args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: 'inherit' })
    child.once('error', (error) => reject(new UserError(`${program} could not be started: ${error.message}`)))
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

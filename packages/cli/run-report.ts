import { writeFileSync } from 'node:fs'
import type { Reporter, SerializedError, TestModule } from 'vitest/node'

/** What a run of tests came to, and each failure in a few lines, so that the end of a long log says what went wrong. */
export interface RunReport {
  passed: number
  failed: number
  skipped: number
  /** Tests that did not come to an end, as when the process that ran them was lost. */
  unfinished: string[]
  /** Of tests, of files outside of any test, and of the run itself. */
  failures: { name: string; message: string }[]
}

/** Environment variable with the file that the report goes to. */
export const reportVariable = 'THRESHER_TEST_REPORT'

/** A reporter for vitest beside the one that prints. */
export default class RunReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const file = process.env[reportVariable]
    if (file) writeFileSync(file, JSON.stringify(summarise(modules, errors)))
  }
}

function summarise(modules: readonly TestModule[], errors: readonly SerializedError[]): RunReport {
  const report: RunReport = { passed: 0, failed: 0, skipped: 0, unfinished: [], failures: [] }
  for (const module of modules) {
    const file = module.relativeModuleId
    for (const error of module.errors()) report.failures.push({ name: file, message: firstLines(error.message) })
    for (const test of module.children.allTests()) {
      const name = `${file} > ${test.fullName}`
      const { state, errors: reasons } = test.result()
      if (state === 'pending') report.unfinished.push(name)
      else report[state] += 1
      if (state === 'failed') report.failures.push({ name, message: firstLines(reasons[0]?.message ?? '') })
    }
  }
  for (const { message, cause } of errors)
    report.failures.push({ name: 'outside of any test', message: firstLines([message, cause?.message].join('\n')) })
  return report
}

function firstLines(text: string): string {
  return text.split('\n').slice(0, 8).join('\n').slice(0, 1000)
}

import { fork } from 'node:child_process'
import { resolve } from 'node:path'
import type { Paths } from '../paths.ts'

/** What the supervisor leaves to a process of its own: see `supervisor-step-program.ts`. */
export type Step = 'prepare' | 'server' | 'agent' | 'credentials'

const program = resolve(import.meta.dirname, 'supervisor-step-program.ts')

/**
 * Run one step in a process that ends with it. What a step needs (settings and their schema, certificates, users) takes 45 MiB, which
 * the supervisor would otherwise hold for years to use it for seconds.
 *
 * @throws {Error} with the step's own message when it fails
 */
export function runStep(step: Step, { dataDir, runDir }: Paths, file = program): Promise<void> {
  const child = fork(file, [step, '--data-dir', dataDir, '--run-dir', runDir])
  let failure: string | undefined
  child.on('message', (message) => {
    if (typeof message === 'string') failure = message
  })
  return new Promise((done, reject) => {
    child.once('error', reject)
    // Not `exit`: the message may still be on its way then.
    child.once('close', (code, signal) => {
      if (code === 0) done()
      else reject(new Error(failure ?? `the step ${step} ended with ${signal ?? `code ${code}`}`))
    })
  })
}

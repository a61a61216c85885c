import { renameSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { isAlive, type ProcessIdentity } from '@thresher/agent/compute/process-identity'
import { afterEnd, restartPolicy, type RestartPolicy } from './restart.ts'
import type { SupervisorReport } from './supervisor-report.ts'

/** One program: how it is found, and how it is started. */
export interface Supervised {
  name: string
  /** The process that runs now, whoever started it. */
  find(): ProcessIdentity | undefined
  /** Start it and wait until it is ready. @throws {Error} with its last words when it is not */
  start(): Promise<ProcessIdentity>
}

/** A process that this one did not start has no end that could be waited for, so it is looked at; this takes microseconds. */
const lookEveryMs = 250

/**
 * Starts programs again when they end, where there is no systemd to do it. They are detached: they run on without a supervisor, and
 * the next one takes up what runs.
 */
export class Supervisor {
  readonly #programs: Supervised[]
  readonly #reportFile: string
  readonly #log: (message: string) => void
  readonly #policy: RestartPolicy
  readonly #report: SupervisorReport = {}
  #again = Promise.withResolvers<void>()

  /** @param reportFile where `readReport` finds how it goes */
  constructor(programs: Supervised[], reportFile: string, log: (message: string) => void, policy = restartPolicy) {
    this.#programs = programs
    this.#reportFile = reportFile
    this.#log = log
    this.#policy = policy
    for (const { name } of programs) this.#report[name] = { starts: 0, givenUp: false }
  }

  /** Look after all of them until the signal aborts. The first start of each waits for the one before it. */
  async run(signal: AbortSignal): Promise<void> {
    const kept: Promise<void>[] = []
    for (const program of this.#programs) {
      const first = Promise.withResolvers<void>()
      kept.push(this.#keep(program, signal, first.resolve))
      await first.promise
    }
    await Promise.all(kept)
  }

  /** Try again at once what waits or was given up. */
  tryAgain(): void {
    this.#again.resolve()
    this.#again = Promise.withResolvers()
  }

  async #keep(program: Supervised, signal: AbortSignal, onFirst: () => void): Promise<void> {
    let starts: number[] = []
    while (!signal.aborted) {
      const running = program.find() ?? (await this.#start(program, starts))
      onFirst()
      if (running) {
        await this.#end(running, signal)
        if (signal.aborted) return
        this.#log(`the ${program.name} (pid ${running.pid}) has ended`)
      }
      if (await this.#pause(program, starts, signal)) starts = []
    }
  }

  async #start(program: Supervised, starts: number[]): Promise<ProcessIdentity | undefined> {
    const report = this.#report[program.name]!
    starts.push(Date.now())
    report.starts += 1
    try {
      const started = await program.start()
      delete report.failure
      this.#log(`the ${program.name} runs with pid ${started.pid}`)
      return started
    } catch (error) {
      report.failure = (error as Error).message
      this.#log(`the ${program.name} could not be started: ${report.failure}`)
      return undefined
    } finally {
      this.#write()
    }
  }

  async #end(running: ProcessIdentity, signal: AbortSignal): Promise<void> {
    while (isAlive(running) && !signal.aborted) await delay(lookEveryMs, undefined, { signal }).catch(() => {})
  }

  /** Wait before the next start. True when somebody asked for it, so that the counting begins anew. */
  async #pause(program: Supervised, starts: number[], signal: AbortSignal): Promise<boolean> {
    const next = afterEnd(starts, Date.now(), this.#policy)
    const report = this.#report[program.name]!
    report.givenUp = next.do === 'give-up'
    this.#write()
    if (report.givenUp) this.#log(`the ${program.name} ended too often and is left alone; start it with: thresher up`)
    const asked = this.#again.promise.then(() => true)
    const ended = new Promise<boolean>((done) => signal.addEventListener('abort', () => done(false), { once: true }))
    const waits = next.do === 'start' ? [delay(next.afterMs, false, { signal }).catch(() => false)] : []
    const wasAsked = await Promise.race([asked, ended, ...waits])
    report.givenUp = false
    return wasAsked
  }

  /** A report that cannot be written (a full disk) is no reason to end. */
  #write(): void {
    try {
      writeFileSync(`${this.#reportFile}.new`, JSON.stringify(this.#report), { mode: 0o644 })
      renameSync(`${this.#reportFile}.new`, this.#reportFile)
    } catch (error) {
      this.#log(`the report could not be written: ${(error as Error).message}`)
    }
  }
}

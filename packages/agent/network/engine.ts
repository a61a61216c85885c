import { chmod, chown, readFile, rename, rm, stat } from 'node:fs/promises'
import { setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Commands } from './commands.ts'
import { Control } from './control.ts'
import type { EngineDatabase, EngineSpec } from './engine-specs.ts'
import { NetworkError, type EngineStatus } from './network-driver.ts'

/** A log above this is set aside when its engine starts. */
const logLimitBytes = 16 * 1024 * 1024

/**
 * One daemon, kept running.
 *
 *   stopped ──start()──► starting ──control socket answers──► running ──stop()──► stopped
 *                           ▲                                     │
 *                           └──────── the socket closes ──────────┘
 *
 * The daemon is detached and is found again by its control socket, so it outlives this process and a socket that answers
 * is the proof that it lives: a pid file can be stale, its number taken by another.
 */
export class Engine {
  readonly spec: EngineSpec
  readonly #commands: Commands
  readonly #env: Record<string, string>
  #control: Control | undefined
  #state: EngineStatus['state'] = 'stopped'
  #wanted = false
  #restarts = 0
  #message: string | undefined
  #watch: Promise<void> = Promise.resolve()
  readonly #restarted: () => void
  readonly #ended: () => void
  #stopping = new AbortController()

  /**
   * @param env where the daemon finds its run folder
   * @param notify each time that the daemon ended, and each time that it was started again after that
   */
  constructor(
    spec: EngineSpec,
    commands: Commands,
    env: Record<string, string>,
    { ended = () => {}, restarted = () => {} }: { ended?: () => void; restarted?: () => void } = {},
  ) {
    this.spec = spec
    this.#commands = commands
    this.#env = env
    this.#restarted = restarted
    this.#ended = ended
  }

  /** Adopt the running daemon or start one; from now on start it again whenever it ends. @throws {NetworkError} `EngineFailed` */
  async start(): Promise<void> {
    if (this.#wanted) return
    this.#wanted = true
    this.#stopping = new AbortController()
    this.#state = 'starting'
    try {
      await this.#bring()
    } catch (error) {
      this.#wanted = false
      this.#state = 'stopped'
      throw error
    }
    this.#watch = this.#keep(this.#stopping.signal)
  }

  /** Look for the running daemon without starting one or watching it. */
  async adopt(): Promise<boolean> {
    this.#control ??= await this.#find()
    return this.#control !== undefined
  }

  /** Stop watching; the daemon runs on. */
  async release(): Promise<void> {
    this.#wanted = false
    this.#stopping.abort()
    this.#control?.close()
    this.#control = undefined
    await this.#watch
  }

  /** End the daemon: ask, then kill. Does nothing when there is none. */
  async stop(): Promise<void> {
    this.#wanted = false
    this.#stopping.abort()
    const pid = await this.pid()
    const control = this.#control ?? (await this.#find())
    if (control) {
      const limit = AbortSignal.timeout(5000)
      const gone = Promise.race([control.closed, sleep(6000, undefined, { ref: false })])
      await control.command(this.spec.exit, limit).catch(() => {})
      await gone
      control.close()
      if (pid !== undefined && (await this.#find())) process.kill(pid, 'SIGKILL')
    }
    await this.#watch
    this.#control = undefined
    this.#state = 'stopped'
    await rm(await this.#controlPath(), { force: true })
    await Promise.all(
      [this.spec.pidFile, this.spec.database?.socket].flatMap((path) => (path ? [rm(path, { force: true })] : [])),
    )
  }

  /** Whether somebody removed the files by which a running daemon is found: its control socket, its database's. */
  async lostFiles(): Promise<boolean> {
    if (!this.#control) return false
    const paths = [await this.#controlPath(), this.spec.pidFile, this.spec.database?.socket ?? this.spec.pidFile]
    const found = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)))
    return found.includes(undefined)
  }

  /** Let the daemon make its files anew: it ends and is started again. Resolves when it answers. */
  async renew(): Promise<void> {
    const control = this.#control
    if (!control) return
    const limit = AbortSignal.timeout(10_000)
    await control.command('exit', limit).catch(() => {})
    await Promise.race([control.closed, sleep(10_000, undefined, { ref: false })])
    while (this.#wanted && (this.#control === undefined || this.#control === control) && !limit.aborted) await sleep(20)
  }

  /** Run a command on the daemon's control socket. */
  async command(line: string): Promise<string> {
    if (!this.#control) throw new NetworkError('EngineFailed', `${this.spec.name} does not run`)
    return await this.#control.command(line, AbortSignal.timeout(10_000))
  }

  async pid(): Promise<number | undefined> {
    const pid = Number(await readFile(this.spec.pidFile, 'utf8').catch(() => ''))
    return pid > 1 ? pid : undefined
  }

  async status(): Promise<EngineStatus> {
    const pid = this.#control ? await this.pid() : undefined
    const memory = pid === undefined ? '' : await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(memory)?.[1]
    return {
      name: this.spec.name,
      state: this.#state,
      ...(pid === undefined ? {} : { pid }),
      ...(kib === undefined ? {} : { memoryBytes: Number(kib) * 1024 }),
      restarts: this.#restarts,
      ...(this.#message === undefined ? {} : { message: this.#message }),
    }
  }

  /** Find the daemon or start it. */
  async #bring(): Promise<void> {
    this.#message = undefined
    this.#control =
      (await this.#find()) ??
      (await this.#launch().catch(async (error: unknown) => {
        // One that was being started when its agent was killed may only now be there.
        await sleep(500)
        const found = await this.#find()
        if (found) return found
        throw error
      }))
    const { database } = this.spec
    if (database?.group !== undefined) {
      await chown(database.socket, 0, database.group)
      await chmod(database.socket, 0o660)
    }
    this.#state = 'running'
  }

  async #controlPath(): Promise<string> {
    return this.spec.control.replace('%p', String(await this.pid()))
  }

  async #find(): Promise<Control | undefined> {
    return await Control.connect(await this.#controlPath()).catch(() => undefined)
  }

  /** Waits for the daemon's end, starts it again, and so on. The first try is at once, later ones wait up to 5 s. */
  async #keep(signal: AbortSignal): Promise<void> {
    while (this.#wanted) {
      const since = Date.now()
      await this.#control?.closed
      this.#control = undefined
      if (!this.#wanted) return
      this.#state = 'starting'
      this.#restarts++
      this.#ended()
      let pause = Date.now() - since > 30_000 || this.#restarts === 1 ? 0 : 200
      while (this.#wanted && !this.#control) {
        if (pause > 0) await sleep(pause, undefined, { signal }).catch(() => {})
        if (!this.#wanted) return
        try {
          await this.#bring()
          this.#restarted()
        } catch (error) {
          this.#message = (error as Error).message
          pause = Math.min(Math.max(pause * 2, 200), 5000)
        }
      }
    }
  }

  async #launch(): Promise<Control> {
    const { spec } = this
    // Files of a daemon that died are left to the new one: it replaces them, unless the old one lives after all.
    if (spec.control.includes('%p')) await rm(await this.#controlPath(), { force: true })
    await rotate(spec.logFile)
    if (spec.database) await this.#prepare(spec.database)
    try {
      await this.#commands.run(spec.program, spec.args, { env: this.#env })
    } catch (error) {
      if (error instanceof NetworkError && error.reason === 'MissingProgram') throw error
      throw new NetworkError(
        'EngineFailed',
        `${spec.name} did not start: ${(error as Error).message}; see ${spec.logFile}`,
        {
          cause: error,
        },
      )
    }
    const pid = await this.pid()
    if (spec.priority !== 0 && pid !== undefined) setPriority(pid, spec.priority)
    return await Control.connect(await this.#controlPath())
  }

  /** A database that is there and of the installed schema. One that cannot be read is set aside and made anew. */
  async #prepare(database: EngineDatabase): Promise<void> {
    const { file, schema } = database
    const tool = (...args: string[]) => this.#commands.run('ovsdb-tool', args, { mayFail: true, env: this.#env })
    if (await stat(file).catch(() => undefined)) {
      const check = await tool('needs-conversion', file, schema)
      if (check.code === 0 && check.stdout.trim() === 'no') return
      if (check.code === 0 && (await tool('convert', file, schema)).code === 0) return
      this.#message = `${file} could not be read (${check.stderr.trim()}) and was set aside`
      await rename(file, `${file}.unreadable`)
    }
    await rm(`${file.replace(/([^/]+)$/, '.$1')}.~lock~`, { force: true })
    const made = await tool('create', file, schema)
    if (made.code !== 0) throw new NetworkError('EngineFailed', `cannot make ${file}: ${made.stderr.trim()}`)
  }
}

async function rotate(logFile: string): Promise<void> {
  const size = (await stat(logFile).catch(() => undefined))?.size ?? 0
  if (size > logLimitBytes) await rename(logFile, `${logFile}.1`)
}

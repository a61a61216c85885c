import { join } from 'node:path'
import { ConsoleLog } from './console-log.ts'
import { endQemu } from './end-qemu.ts'
import { GuestControl, NotRunningError } from './guest-control.ts'
import { learnGuest, type GuestFacts } from './guest-facts.ts'
import { giveBack } from './holdings.ts'
import type { ComputeHost } from './host.ts'
import { launchRun, readyRun, type ReadyRun } from './launch-run.ts'
import { next, type Action, type Input, type Lifecycle } from './lifecycle.ts'
import { watchQemu } from './monitor.ts'
import type { RunPlan } from './plan.ts'
import { foldersOf, volumeNode, type RunFolders } from './prepare.ts'
import type { LaunchedProcess } from './process.ts'
import { signalProcess } from './process-identity.ts'
import { guestAgentChardev, guestAgentPort } from './qemu/consoles.ts'
import { lastLines } from './qemu-file.ts'
import type { QmpClient } from './qmp.ts'
import type { QmpEvent } from './qmp-commands.ts'
import { makeRunFolder, removeRunFolder, writeState, type Holding, type RunState } from './run-state.ts'
import { currentVersion } from './run-state-upgrades.ts'
import { isUp, type RunView } from './run-view.ts'
import { SerialConsole } from './serial-console.ts'
import { connectSerial } from './serial-socket.ts'
import { TaskQueue } from './task-queue.ts'

/** Some guests miss the power button while they start, so it is pressed again. */
const powerButtonEveryMs = 5000
/** How often a guest's full disk is looked at. */
const roomEveryMs = 5000
/** So much must be free before a guest that ran out of room goes on. */
const roomBytes = 128 * 1024 * 1024
/** How often what could not be given back is tried again. */
const giveBackEveryMs = 1000
const longestTimerMs = 2 ** 31 - 1

/**
 * One run of a virtual machine on this host: carries out what {@link next} decides.
 *
 * All requests and all of QEMU's events go through one queue, so each meets the state that the one before left. The step is
 * written to disk before it is taken; an agent that starts after this one died adopts what it finds. A guest that shut down
 * or crashed stays, stopped, until its end is written down, so nothing that happens meanwhile is lost.
 */
export class Run {
  readonly console: SerialConsole
  readonly control: GuestControl
  readonly folders: RunFolders
  readonly #host: ComputeHost
  readonly #onChange: () => void
  readonly #queue = new TaskQueue()
  readonly #starting = new AbortController()
  /** Ends the watch over QEMU. */
  readonly #leaving = new AbortController()
  #life: Lifecycle
  #record: RunState
  #plan: RunPlan | undefined
  #qmp: QmpClient | undefined
  #ready: ReadyRun | undefined
  #launched: LaunchedProcess | undefined
  #guestAgent = false
  #guest: GuestFacts | undefined
  #timers: NodeJS.Timeout[] = []
  #roomTimer: NodeJS.Timeout | undefined
  /** Gives the place among the starts back; from the start until the guest runs, hangs or has ended. */
  #leaveGate: (() => void) | undefined
  #finished = false
  readonly #unreadable: string | undefined
  readonly #reached = Promise.withResolvers<void>()

  private constructor(host: ComputeHost, record: RunState, onChange: () => void, unreadable?: string) {
    this.#host = host
    this.#record = record
    this.#onChange = onChange
    this.#unreadable = unreadable
    const { step, dueMs, killed, outcome } = record
    this.#life = { step, ...(dueMs ? { dueMs } : {}), ...(killed ? { killed } : {}), ...(outcome ? { outcome } : {}) }
    this.folders = foldersOf(host, record.uid)
    this.console = new SerialConsole(new ConsoleLog(join(host.dataRoot, 'console', `${record.uid}.log`)))
    this.control = new GuestControl({
      name: record.name,
      folders: this.folders,
      running: (task) => this.#running(task),
      isPaused: () => this.#life.paused !== undefined,
      hasGuestAgent: () => this.#guestAgent,
      nodeOf: (volume) => (this.#life.step === 'running' ? nodeOf(this.#record.holdings, volume) : undefined),
    })
  }

  /** Begin a run. @param onChange called whenever {@link view} gives something new */
  static start(host: ComputeHost, plan: RunPlan, onChange: () => void): Run {
    const { namespace = '', name = '', uid = '' } = plan.vmi.metadata
    const holdings: Holding[] = [
      { kind: 'cgroup' },
      { kind: 'own-disks' },
      ...plan.volumes.map(({ name: volume, id }): Holding => ({
        kind: 'volume',
        name: id,
        node: volumeNode(plan, volume),
      })),
      ...plan.nics.map((nic): Holding => ({ kind: 'nic', name: nic.name })),
    ]
    const { pod } = plan
    const run = new Run(
      host,
      { version: currentVersion, namespace, name, uid, pod, step: 'preparing', holdings },
      onChange,
    )
    run.#plan = plan
    run.#post(() => run.#start(plan))
    return run
  }

  /**
   * Take up a run that another agent began. Returns at once; QEMU is connected to when it answers.
   *
   * @param record its state, with the process that lives, if one does
   * @param unreadable why the state file could not be read and `record` was made from the process; the file is left alone
   */
  static adopt(host: ComputeHost, record: RunState, onChange: () => void, unreadable?: string): Run {
    const run = new Run(host, record, onChange, unreadable)
    run.#post(() => run.#adopt())
    return run
  }

  get namespace(): string {
    return this.#record.namespace
  }

  get name(): string {
    return this.#record.name
  }

  get uid(): string {
    return this.#record.uid
  }

  get pod(): RunState['pod'] {
    return this.#record.pod
  }

  /** Names of the cards whose taps the run holds. */
  get nics(): string[] {
    return this.#record.holdings.flatMap(({ kind, name }) => (kind === 'nic' && name ? [name] : []))
  }

  view(): RunView {
    const { step, paused, hung, noRoom, outcome } = this.#life
    const { startedAt, process, config } = this.#record
    return {
      step: step === 'ended' && !this.#finished ? 'stopping' : step,
      paused,
      noRoom: noRoom ?? false,
      hung,
      unreadable: this.#unreadable,
      outcome: this.#finished ? outcome : undefined,
      guestAgent: this.#guestAgent,
      guest: this.#guest,
      startedAt,
      process,
      config,
    }
  }

  /** What only the API knew of a run whose state was made from its process. */
  complete(pod: RunState['pod'], volumes: { name: string; id: string }[]): void {
    this.#post(() => {
      const { config, holdings } = this.#record
      const held = volumes.map(({ name, id }): Holding => ({
        kind: 'volume',
        name: id,
        node: config?.disks.find((disk) => disk.name === name)?.nodeName,
      }))
      this.#write({ pod, holdings: [...holdings.filter(({ kind }) => kind !== 'volume'), ...held] })
      return Promise.resolve()
    })
  }

  /**
   * End the run: the guest is asked to shut down and has `graceSeconds` for it, then QEMU is killed. Asked again, the
   * earlier end counts.
   */
  stop(graceSeconds: number): void {
    if (this.#life.step === 'ended') return
    this.#starting.abort(new Error('the run was stopped before it began'))
    const nowMs = Date.now()
    this.#post(() => this.#apply({ on: 'stop', dueMs: nowMs + graceSeconds * 1000, nowMs }))
  }

  /** Let go of QEMU, which runs on; for the agent's own end. */
  release(): void {
    this.#clearTimers()
    clearTimeout(this.#roomTimer)
    this.#leaving.abort(new Error('the agent is stopping'))
    this.#starting.abort(new Error('the agent is stopping'))
    this.#qmp?.close()
    this.console.close('the agent restarts; connect again')
  }

  /** The end is reported: forget the run. Resolves when the first try to give back all that it held is over; others follow. */
  forget(): Promise<void> {
    this.console.discard()
    return this.#queue.run(async () => {
      for (const error of this.#record.holdings.length > 0 ? await this.#giveBack() : [])
        this.#host.log('warn', `${this.#title}: not given back yet: ${error.message}`)
      if (this.#record.holdings.length === 0) return removeRunFolder(this.folders.folder)
      if (!this.#left) setTimeout(() => void this.forget(), giveBackEveryMs).unref()
    })
  }

  /** Resolves when QEMU answered for the first time, proved hung, or is gone. */
  get reached(): Promise<void> {
    return this.#reached.promise
  }

  /** Resolves when all requests and events so far are dealt with. */
  settled(): Promise<void> {
    return this.#queue.idle()
  }

  get #left(): boolean {
    return this.#leaving.signal.aborted
  }

  async #start(plan: RunPlan): Promise<void> {
    const { signal } = this.#starting
    try {
      const { namespace } = this
      this.#leaveGate = await this.#host.starts.enter({ namespace, priority: plan.priority ?? 0 }, signal)
      const began = performance.now()
      makeRunFolder(this.folders.folder, this.#host.user.gid)
      this.#write({})
      this.#ready = await readyRun(this.#host, plan, this.folders, signal)
      this.#write({ config: this.#ready.config })
      await this.#apply({ on: 'prepared' })
      const ms = Math.round(performance.now() - began)
      this.#host.log('info', `${this.#title} starts`, { pid: this.#record.process?.pid, ms })
    } catch (error) {
      if (this.#left) return
      const message = error instanceof Error ? error.message : String(error)
      const reason = signal.aborted ? 'Stopped' : error instanceof Error ? error.name : 'Error'
      await this.#apply({ on: 'failed', outcome: { phase: 'Failed', reason, message } })
    }
  }

  async #launch(): Promise<void> {
    this.#launched = await launchRun(this.#host, this.#ready!, this.folders)
    this.#write({ process: this.#launched.identity })
    this.#watch(false, this.#launched.exited)
  }

  async #adopt(): Promise<void> {
    if (this.#life.step === 'ended') {
      await this.#act('finish')
      return this.#reached.resolve()
    }
    if (!this.#record.process) return this.#exited()
    if (this.#life.killed) this.#kill()
    if (this.#life.step === 'stopping') this.#arm()
    this.#watch(true)
  }

  #watch(adopted: boolean, exited?: Promise<void>): void {
    const { process } = this.#record
    if (!process) return
    const post = (input: Input): void => this.#post(() => this.#apply(input))
    void watchQemu({
      socket: this.folders.paths.qmp,
      process,
      adopted,
      exited,
      signal: this.#leaving.signal,
      reports: {
        answered: (qmp, status) => this.#post(() => this.#answered(qmp, status)),
        event: (event) => this.#post(() => this.#handle(event)),
        silent: (why) => post({ on: 'silent', why }),
        exited: () => this.#post(() => this.#exited()),
      },
    })
  }

  #exited(): Promise<void> {
    return this.#apply({ on: 'exited', message: lastLines(this.folders.log) })
  }

  async #answered(qmp: QmpClient, status: string): Promise<void> {
    if (this.#life.step === 'ended' || this.#left) return
    const isNew = this.#qmp !== qmp
    this.#qmp = qmp
    if (isNew) await this.#introduce(qmp)
    await this.#apply({ on: 'answered', status, startPaused: this.#plan?.vmi.spec.startStrategy === 'Paused' })
    if (status === 'io-error') await this.#paused(qmp)
  }

  /** What a new connection must be told of, or asked for, once. */
  async #introduce(qmp: QmpClient): Promise<void> {
    const { serial } = this.#record.config?.features ?? {}
    if (serial) {
      try {
        await connectSerial(this.console, this.folders.paths.serial, qmp)
      } catch (error) {
        this.#host.log('warn', `${this.#title}: no serial console: ${(error as Error).message}`)
      }
    }
    for (const card of this.#plan?.vmi.spec.domain.devices.interfaces ?? [])
      if (card.state === 'down') await qmp.execute('set_link', { name: `net-${card.name}`, up: false })
    if (this.#plan) return
    this.#host.log('info', `adopted QEMU of ${this.#title}`, { pid: this.#record.process?.pid })
    const channels = await qmp.execute('query-chardev', {})
    if (channels.find(({ label }) => label === guestAgentChardev)?.['frontend-open']) this.#guestAgentChanged(true)
  }

  async #handle({ event, data }: QmpEvent): Promise<void> {
    switch (event) {
      case 'SHUTDOWN':
        return this.#apply({ on: 'shutdown', reason: String(data?.['reason']) })
      case 'GUEST_PANICKED':
        return this.#apply({ on: 'panicked' })
      case 'STOP':
        return this.#qmp && this.#paused(this.#qmp)
      case 'RESUME':
        return this.#apply({ on: 'resumed' })
      case 'RESET':
        if (data?.['guest'] === true) this.#host.log('info', `${this.#title} restarted itself`)
        return
      case 'VSERPORT_CHANGE':
        if (data?.['id'] === guestAgentPort) this.#guestAgentChanged(data['open'] === true)
        return
      case 'BLOCK_IO_ERROR': {
        const fields = { device: data?.['device'] || data?.['node-name'], reason: data?.['reason'] }
        this.#host.log('warn', `${this.#title}: a disk failed`, fields)
        return
      }
      default:
    }
  }

  /** The guest stands still; why, QEMU knows. */
  async #paused(qmp: QmpClient): Promise<void> {
    if (this.#life.step === 'ended') return
    const { status } = await qmp.execute('query-status', {})
    const blocks = status === 'io-error' ? await qmp.execute('query-block', {}) : []
    await this.#apply({ on: 'paused', status, noRoom: blocks.some((block) => block['io-status'] === 'nospace') })
  }

  /** Take a step: decide, write down, act, report. */
  async #apply(input: Input): Promise<void> {
    if (this.#left) return
    const before = this.#life
    const { state, write, actions } = next(before, input)
    this.#life = state
    if (state.hung && state.hung !== before.hung)
      this.#host.log('warn', `${this.#title}: QEMU lives but does not answer (${state.hung})`)
    if (before.hung && !state.hung && state.step !== 'ended')
      this.#host.log('info', `${this.#title}: QEMU answers again`)
    if (isUp(state) && !isUp(before) && !this.#record.startedAt) {
      this.#record = { ...this.#record, startedAt: new Date().toISOString() }
      this.#host.log('info', `${this.#title} runs`, { pid: this.#record.process?.pid })
    }
    if (write) this.#persist()
    for (const action of actions) await this.#act(action)
    this.#watchRoom()
    if (isUp(state) || state.hung || state.step === 'ended') this.#leaveGate?.()
    if (input.on === 'answered' || state.hung || state.step === 'ended') this.#reached.resolve()
    if (state !== before) this.#onChange()
  }

  async #act(action: Action): Promise<void> {
    switch (action) {
      case 'continue':
        return void (await this.#qmp?.execute('cont', {}))
      case 'arm':
        return this.#arm()
      case 'press':
        return this.#press()
      case 'kill':
        return this.#kill()
      case 'finish':
        return this.#finish()
      case 'launch':
        return this.#launch()
    }
  }

  /** Set the timers that the guest's time to shut down needs. */
  #arm(): void {
    this.#clearTimers()
    const leftMs = Math.min(Math.max((this.#life.dueMs ?? 0) - Date.now(), 0), longestTimerMs)
    this.#timers = [
      setTimeout(() => this.#post(() => this.#apply({ on: 'due' })), leftMs),
      setInterval(() => this.#press(), powerButtonEveryMs),
    ]
  }

  #press(): void {
    this.#qmp?.execute('system_powerdown', {}).catch(() => {})
  }

  #kill(): void {
    if (this.#record.process) signalProcess(this.#record.process, 'SIGKILL')
  }

  #clearTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers = []
  }

  /** A guest whose disk is full goes on when there is room again. */
  #watchRoom(): void {
    clearTimeout(this.#roomTimer)
    if (!this.#life.noRoom) return
    this.#roomTimer = setTimeout(() => {
      this.#post(async () => {
        const { freeBytes } = await this.#host.storage.room()
        if (freeBytes >= roomBytes) {
          this.#host.log('info', `${this.#title}: the disk has room again, the guest goes on`)
          await this.#apply({ on: 'room' })
        } else this.#watchRoom()
      })
    }, roomEveryMs)
    this.#roomTimer.unref()
  }

  #guestAgentChanged(open: boolean): void {
    if (this.#guestAgent === open) return
    this.#guestAgent = open
    this.#onChange()
    if (open) void this.#learn()
  }

  /** Ask once what does not change; the answer comes when the guest is ready for it. */
  async #learn(): Promise<void> {
    try {
      this.#guest = await this.control.ask(learnGuest)
      this.#onChange()
    } catch (error) {
      this.#host.log('info', `${this.#title}: ${(error as Error).message}`)
    }
  }

  /** The run is over: end QEMU, give back what was held. */
  async #finish(): Promise<void> {
    this.#clearTimers()
    const { process } = this.#record
    const { outcome, hung } = this.#life
    if (process) await endQemu(process, hung ? undefined : this.#qmp, this.#launched?.exited)
    this.#keepFirmware()
    await this.#giveBack()
    this.console.close('the virtual machine stopped')
    this.#guestAgent = false
    this.#finished = true
    this.#host.log('info', `${this.#title} ended: ${outcome?.message}`, { reason: outcome?.reason })
    this.#onChange()
  }

  /** What fails is tried again when the run is forgotten. */
  async #giveBack(): Promise<Error[]> {
    const { uid, holdings } = this.#record
    const { left, errors } = await giveBack(this.#host, { uid, folders: this.folders, holdings })
    this.#record = { ...this.#record, holdings: left }
    this.#persist()
    return errors
  }

  #keepFirmware(): void {
    const uid = this.#record.config?.lastingFirmware
    if (!uid) return
    try {
      const { namespace, name } = this
      this.#host.firmware.keep({ namespace, name, uid }, this.folders.paths.nvram)
    } catch (error) {
      this.#host.log('warn', `${this.#title}: UEFI variables not kept: ${(error as Error).message}`)
    }
  }

  async #running<T>(task: (qmp: QmpClient) => Promise<T>): Promise<T> {
    return this.#queue.run(() => {
      if (this.#life.step !== 'running' || !this.#qmp)
        throw new NotRunningError(`the virtual machine ${this.#title} is not running`)
      if (this.#life.hung)
        throw new NotRunningError(`QEMU of ${this.#title} does not answer; stop the virtual machine to end it by force`)
      return task(this.#qmp)
    })
  }

  /** Put in the queue what nobody waits for. */
  #post(task: () => Promise<void> | void): void {
    this.#queue.run(task).catch((error: unknown) => {
      if (!this.#left) this.#host.log('error', `${this.#title}: ${(error as Error).message}`)
    })
  }

  get #title(): string {
    return `${this.namespace}/${this.name}`
  }

  /** Write down the step. A full disk must not stop a run that ends or runs; only an agent that dies now would not know. */
  #persist(): void {
    try {
      this.#write({})
    } catch (error) {
      this.#host.log('error', `${this.#title}: the state was not written down: ${(error as Error).message}`)
    }
  }

  #write(change: Partial<RunState>): void {
    const { step, dueMs, killed, outcome } = this.#life
    this.#record = { ...this.#record, ...change, step, dueMs, killed, outcome }
    // Another agent may understand the file that this one does not.
    if (this.#unreadable === undefined) writeState(this.folders.folder, this.#record)
  }
}

function nodeOf(holdings: readonly Holding[], volume: string): string | undefined {
  return holdings.find(({ kind, name }) => kind === 'volume' && name === volume)?.node
}

import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Cgroup } from './cgroup.ts'
import { connectMonitor } from './connect-monitor.ts'
import { ConsoleLog } from './console-log.ts'
import { endQemu } from './end-qemu.ts'
import { askGuest } from './guest-agent.ts'
import { learnGuest, type GuestFacts } from './guest-facts.ts'
import type { ComputeHost } from './host.ts'
import type { Life, MachineView, PauseReason } from './machine-view.ts'
import type { RunPlan } from './plan.ts'
import {
  foldersOf,
  keepFirmware,
  prepare,
  prepareFirmware,
  removeOwnDisks,
  volumeNode,
  type RunFolders,
} from './prepare.ts'
import { launch, LaunchError } from './process.ts'
import { processorShare } from './processor-share.ts'
import { findByArgument, isAlive, signalProcess, type ProcessIdentity } from './process-identity.ts'
import { qemuConfig } from './qemu/config.ts'
import { guestAgentChardev, guestAgentPort } from './qemu/consoles.ts'
import { lastWords, readQemuFile } from './qemu-file.ts'
import type { QmpClient } from './qmp.ts'
import type { QmpEvent } from './qmp-commands.ts'
import { makeRunFolder, readState, removeRunFolder, writeState, type Outcome, type RunState } from './run-state.ts'
import { SerialConsole } from './serial-console.ts'
import { TaskQueue } from './task-queue.ts'
import { guestPanicked, judgeShutdown, judgeStatus } from './verdict.ts'

/** The machine is not in a state in which this can be done. */
export class NotRunningError extends Error {
  override readonly name = 'NotRunningError'
}

/** Some guests miss the power button while they start, so it is pressed again. */
const powerButtonEveryMs = 5000
const guestTimeoutMs = 5000
/** How long QEMU may take from its start to its greeting; a busy host swaps. */
const greetingTimeoutMs = 30_000

/**
 * One run of a virtual machine on this host.
 *
 * ```
 *            start            QMP greets, cont
 *  (new) ──► preparing ─────► starting ─────────► running ⇄ paused
 *                │ fails, stop    │ fails, stop      │ stop       │ guest powers off, panics,
 *                │                │                  ▼            │ QEMU is killed
 *                │                │               stopping        │
 *                ▼                ▼                  ▼            ▼
 *              ended ◄─────────────────────────────────────────────        Succeeded | Failed
 * ```
 *
 * All requests and all of QEMU's events go through one queue, so each is judged by the state that the one before left. The
 * step is written to disk before it is taken; an agent that starts after this one died adopts what it finds (`adopt`). A guest
 * that shut down or crashed stays, stopped, until its end is written down, so nothing that happens meanwhile is lost.
 */
export class Machine {
  readonly console: SerialConsole
  readonly folders: RunFolders
  readonly #host: ComputeHost
  readonly #onChange: () => void
  readonly #queue = new TaskQueue()
  readonly #guestQueue = new TaskQueue()
  readonly #cgroup: Cgroup
  readonly #starting = new AbortController()
  #state: RunState
  #life: Life = 'preparing'
  #paused: PauseReason | undefined
  #qmp: QmpClient | undefined
  #exited: Promise<void> | undefined
  #guestAgent = false
  #guest: GuestFacts | undefined
  #stopping: { dueMs: number; kill: NodeJS.Timeout; press: NodeJS.Timeout } | undefined
  #released = false

  private constructor(host: ComputeHost, state: RunState, onChange: () => void) {
    this.#host = host
    this.#state = state
    this.#onChange = onChange
    this.folders = foldersOf(host, state.uid)
    this.#cgroup = new Cgroup(host.hierarchy, state.uid)
    this.console = new SerialConsole(new ConsoleLog(join(host.dataRoot, 'console', `${state.uid}.log`)))
  }

  /** Begin a run. @param onChange told whenever {@link view} gives something new */
  static start(host: ComputeHost, plan: RunPlan, onChange: () => void): Machine {
    const { namespace = '', name = '', uid = '' } = plan.vmi.metadata
    const state: RunState = {
      version: 1,
      namespace,
      name,
      uid,
      pod: plan.pod,
      step: 'preparing',
      holdings: {
        volumes: plan.volumes.map(({ id }) => id),
        nodes: Object.fromEntries(plan.volumes.map(({ id }, index) => [id, volumeNode(index)])),
        nics: plan.nics.map((nic) => nic.name),
      },
    }
    const machine = new Machine(host, state, onChange)
    machine.#post(() => machine.#start(plan))
    return machine
  }

  /**
   * Take up a run that another agent began: its QEMU when it lives, else its end.
   *
   * @returns undefined when no QEMU was started yet, or the folder holds no run; it is removed then
   */
  static async adopt(host: ComputeHost, uid: string, onChange: () => void): Promise<Machine | undefined> {
    const folders = foldersOf(host, uid)
    const state = readState(folders.folder)
    if (!state) {
      removeRunFolder(folders.folder)
      return undefined
    }
    const begun = state.process !== undefined || state.step === 'running' || state.step === 'ended'
    if (!begun && !findByArgument(folders.paths.pidFile)) {
      // The agent died before it started QEMU: the run simply begins anew.
      removeOwnDisks(folders)
      removeRunFolder(folders.folder)
      return undefined
    }
    const machine = new Machine(host, state, onChange)
    await machine.#queue.run(() => machine.#adopt())
    return machine
  }

  get namespace(): string {
    return this.#state.namespace
  }

  get name(): string {
    return this.#state.name
  }

  get uid(): string {
    return this.#state.uid
  }

  get pod(): RunState['pod'] {
    return this.#state.pod
  }

  get nics(): readonly string[] {
    return this.#state.holdings.nics
  }

  view(): MachineView {
    const { outcome, startedAt, process, config } = this.#state
    return {
      life: this.#life,
      paused: this.#paused,
      outcome: this.#life === 'ended' ? outcome : undefined,
      guestAgent: this.#guestAgent,
      guest: this.#guest,
      startedAt,
      process,
      config,
    }
  }

  /**
   * End the run: the guest is asked to shut down and has `graceSeconds` for it, then QEMU is killed. Asked again, the
   * earlier end counts.
   */
  stop(graceSeconds: number): void {
    if (this.#life === 'ended') return
    this.#starting.abort(new Error('the run was stopped before it began'))
    this.#post(() => this.#stop(graceSeconds))
  }

  pause(): Promise<void> {
    return this.#running(async (qmp) => {
      if (!this.#paused) await qmp.execute('stop', {})
    })
  }

  unpause(): Promise<void> {
    return this.#running(async (qmp) => void (await qmp.execute('cont', {})))
  }

  /** Restart the guest at once, as its reset button does. QEMU stays. */
  reset(): Promise<void> {
    return this.#running(async (qmp) => void (await qmp.execute('system_reset', {})))
  }

  /** Ask the guest to restart: by its agent. */
  async softReboot(): Promise<void> {
    await this.#running(() => Promise.resolve())
    if (!this.#guestAgent)
      throw new NotRunningError(
        `${this.name} has no guest agent to restart it by; install qemu-guest-agent in the guest, or use reset`,
      )
    // The agent goes down with the guest and does not answer.
    await this.askGuest((ask) => Promise.race([ask('guest-shutdown', { mode: 'reboot' }), delay(500)]))
  }

  /** What the guest shows on its display, as PNG. */
  screenshot(): Promise<Buffer> {
    return this.#running(async (qmp) => {
      rmSync(this.folders.screen, { force: true })
      await qmp.execute('screendump', { filename: this.folders.screen, format: 'png' })
      try {
        return readQemuFile(this.folders.screen)
      } finally {
        rmSync(this.folders.screen, { force: true })
      }
    })
  }

  /** Grow a volume that the guest has open; the guest sees it at once. @returns false when it has not */
  async growVolume(id: string, bytes: number): Promise<boolean> {
    const node = this.#state.holdings.nodes?.[id]
    if (node === undefined || this.#life !== 'running') return false
    await this.#running((qmp) => qmp.execute('block_resize', { 'node-name': node, size: bytes }))
    return true
  }

  /** Hold the guest's file systems still, by its agent. */
  async freeze(): Promise<void> {
    await this.askGuest((ask) => ask('guest-fsfreeze-freeze'))
  }

  /** Let the guest's file systems go on. */
  async thaw(): Promise<void> {
    await this.askGuest((ask) => ask('guest-fsfreeze-thaw'))
  }

  /** Bytes of memory the guest has with its balloon as it is. */
  balloon(): Promise<number> {
    return this.#running(async (qmp) => (await qmp.execute('query-balloon', {})).actual)
  }

  /** Talk with the guest's agent; one conversation at a time. */
  askGuest<T>(talk: Parameters<typeof askGuest<T>>[2]): Promise<T> {
    return this.#guestQueue.run(() => askGuest(this.folders.paths.guestAgent, guestTimeoutMs, talk))
  }

  /** Let go of QEMU, which runs on; for the agent's own end. */
  release(): void {
    this.#released = true
    this.#clearStopping()
    this.#starting.abort(new Error('the agent is stopping'))
    this.#qmp?.close()
    this.console.close('the agent restarts; connect again')
  }

  /** The end is told: forget the run. */
  forget(): void {
    this.console.discard()
    removeRunFolder(this.folders.folder)
  }

  /** Resolves when all requests and events so far are dealt with. */
  settled(): Promise<void> {
    return this.#queue.idle()
  }

  async #start(plan: RunPlan): Promise<void> {
    try {
      await this.#run(plan)
    } catch (error) {
      if (this.#released) return
      await this.#fail(error)
    }
  }

  async #run(plan: RunPlan): Promise<void> {
    const { signal } = this.#starting
    signal.throwIfAborted()
    const { folder, paths } = this.folders
    const began = performance.now()
    makeRunFolder(folder, this.#host.user.gid)
    this.#write({})
    const [facts, prepared] = await Promise.all([this.#host.facts, prepare(this.#host, plan, this.folders, signal)])
    signal.throwIfAborted()
    const ready = performance.now()
    const config = qemuConfig({ vmi: plan.vmi, host: facts, ...prepared, paths, now: new Date() })
    const lasting = plan.vmi.spec.domain.firmware?.bootloader?.efi?.persistent ?? false
    prepareFirmware(this.#host, config, this.folders, lasting)
    this.#cgroup.create({
      ...processorShare(plan.vmi, config.cpus),
      memoryBytes: config.guestBytes + config.overheadBytes,
    })
    const { args, files: _, nvramTemplate: __, uuid, ...rest } = config
    const fingerprint = createHash('sha256').update(args.join('\0')).digest('hex')
    this.#life = 'starting'
    this.#write({
      step: 'starting',
      config: { ...rest, accelerator: facts.accelerator, fingerprint, ...(lasting ? { lastingFirmware: uuid } : {}) },
    })
    await this.#launch(args)
    await this.#connect(signal)
    for (const card of plan.vmi.spec.domain.devices.interfaces ?? [])
      if (card.state === 'down') await this.#qmp?.execute('set_link', { name: `net-${card.name}`, up: false })
    if (plan.vmi.spec.startStrategy === 'Paused') this.#paused = 'PausedByUser'
    else await this.#qmp?.execute('cont', {})
    this.#write({ step: 'running', startedAt: new Date().toISOString() })
    this.#host.log('info', `${this.namespace}/${this.name} runs`, {
      pid: this.#state.process?.pid,
      prepareMs: Math.round(ready - began),
      startMs: Math.round(performance.now() - ready),
    })
    this.#become('running')
  }

  async #launch(args: string[]): Promise<void> {
    const { paths, log } = this.folders
    for (const socket of [paths.qmp, paths.serial, paths.vnc, paths.guestAgent]) rmSync(socket, { force: true })
    const { program, user } = this.#host
    const { identity, exited } = await launch({ program, args, user, logFile: log, cgroup: this.#cgroup })
    this.#exited = exited
    this.#write({ process: identity })
  }

  /** Connect monitor and serial console, and listen to what happens. */
  async #connect(signal: AbortSignal): Promise<void> {
    const { paths } = this.folders
    const ended = new AbortController()
    const died = new LaunchError('QEMU ended')
    void this.#exited?.then(() => ended.abort(died))
    const limit = AbortSignal.any([signal, ended.signal, AbortSignal.timeout(greetingTimeoutMs)])
    try {
      const qmp = await connectMonitor(paths.qmp, limit)
      this.#qmp = qmp
      if (this.#state.config?.features.serial) await this.console.connect(paths.serial)
      qmp.onEvent((event) => this.#post(() => this.#handle(event)))
      void qmp.closed.then(() => this.#post(() => this.#lost()))
    } catch (error) {
      // Let the exit be noticed, which explains more than a lost connection.
      await Promise.race([this.#exited, delay(200)])
      if (!ended.signal.aborted) throw error
      throw new LaunchError(`QEMU ended before the guest was started: ${lastWords(this.folders.log)}`, { cause: error })
    }
  }

  async #adopt(): Promise<void> {
    const { step, process } = this.#state
    this.#life = step === 'running' ? 'running' : 'starting'
    const alive = process && isAlive(process) ? process : findByArgument(this.folders.paths.pidFile)
    if (step === 'ended' || !alive) return this.#adoptEnd(alive)
    if (alive.pid !== process?.pid) this.#write({ process: alive })
    this.#cgroup.add(alive.pid)
    try {
      await this.#connect(AbortSignal.timeout(greetingTimeoutMs))
    } catch (error) {
      if (isAlive(alive)) throw error
      return this.#adoptEnd(undefined)
    }
    this.#host.log('info', `adopted QEMU of ${this.namespace}/${this.name}`, { pid: alive.pid })
    // Everything may have happened while nobody listened.
    const { status } = await this.#qmp!.execute('query-status', {})
    if (status === 'prelaunch' && step === 'starting') {
      await this.#qmp!.execute('cont', {})
      this.#write({ step: 'running', startedAt: new Date().toISOString() })
    } else await this.#judge(status)
    if (this.view().life === 'ended') return
    if (step !== 'running')
      this.#write({ step: 'running', startedAt: this.#state.startedAt ?? new Date().toISOString() })
    const channels = await this.#qmp!.execute('query-chardev', {})
    if (channels.find(({ label }) => label === guestAgentChardev)?.['frontend-open']) this.#guestAgentChanged(true)
    this.#become('running')
  }

  /** The QEMU of an adopted run is gone, or its end was already decided. */
  async #adoptEnd(alive: ProcessIdentity | undefined): Promise<void> {
    if (alive) signalProcess(alive, 'SIGKILL')
    const message = `QEMU ended while the agent was away: ${lastWords(this.folders.log)}`
    await this.#end(this.#state.outcome ?? { phase: 'Failed', reason: 'QemuGone', message })
  }

  async #handle({ event, data }: QmpEvent): Promise<void> {
    if (this.#life === 'ended' || this.#released) return
    switch (event) {
      case 'SHUTDOWN':
        return this.#shutDown(String(data?.['reason']))
      case 'GUEST_PANICKED':
        return this.#end(guestPanicked)
      case 'STOP':
        return this.#judge((await this.#qmp?.execute('query-status', {}))?.status ?? 'paused')
      case 'RESUME':
        this.#paused = undefined
        return this.#onChange()
      case 'RESET':
        if (data?.['guest'] === true) this.#host.log('info', `${this.namespace}/${this.name} restarted itself`)
        return
      case 'VSERPORT_CHANGE':
        if (data?.['id'] === guestAgentPort) this.#guestAgentChanged(data['open'] === true)
        return
      case 'BLOCK_IO_ERROR':
        this.#host.log('warn', `${this.namespace}/${this.name}: a disk failed`, {
          device: data?.['device'] || data?.['node-name'],
          reason: data?.['reason'],
        })
        return
      default:
    }
  }

  async #shutDown(reason: string): Promise<void> {
    await this.#end(judgeShutdown(reason) ?? this.#killed(`QEMU was ended from outside (${reason})`))
  }

  /** Take a guest's state as QEMU tells it. */
  async #judge(status: string): Promise<void> {
    const verdict = judgeStatus(status)
    if (verdict.do === 'end') return this.#end(verdict.outcome)
    this.#paused = verdict.do === 'pause' ? verdict.reason : undefined
    if (verdict.do === 'pause') this.#onChange()
  }

  /** The monitor's end is QEMU's end. */
  async #lost(): Promise<void> {
    if (this.#life === 'ended' || this.#released) return
    await this.#end(this.#killed(`QEMU ended unexpectedly: ${lastWords(this.folders.log)}`))
  }

  #killed(message: string): Outcome {
    if (!this.#stopping) return { phase: 'Failed', reason: 'QemuGone', message }
    return { phase: 'Failed', reason: 'Killed', message: 'the guest did not shut down in time and was switched off' }
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
      this.#guest = await this.askGuest(learnGuest)
      this.#onChange()
    } catch (error) {
      this.#host.log('info', `${this.namespace}/${this.name}: ${(error as Error).message}`)
    }
  }

  async #stop(graceSeconds: number): Promise<void> {
    if (this.#life === 'ended' || this.#released) return
    const dueMs = Date.now() + graceSeconds * 1000
    if (this.#stopping && this.#stopping.dueMs <= dueMs) return
    this.#clearStopping()
    this.#stopping = {
      dueMs,
      kill: setTimeout(() => this.#kill(), Math.min(Math.max(dueMs - Date.now(), 0), 2 ** 31 - 1)),
      press: setInterval(() => this.#pressPowerButton(), powerButtonEveryMs),
    }
    this.#become('stopping')
    if (graceSeconds <= 0) return this.#kill()
    // A paused guest cannot react.
    if (this.#paused) await this.#qmp?.execute('cont', {}).catch(() => {})
    this.#pressPowerButton()
  }

  #pressPowerButton(): void {
    this.#qmp?.execute('system_powerdown', {}).catch(() => {})
  }

  #kill(): void {
    if (this.#state.process) signalProcess(this.#state.process, 'SIGKILL')
  }

  #clearStopping(): void {
    clearTimeout(this.#stopping?.kill)
    clearInterval(this.#stopping?.press)
  }

  async #fail(error: unknown): Promise<void> {
    const message = error instanceof Error ? error.message : String(error)
    const reason = this.#starting.signal.aborted ? 'Stopped' : error instanceof Error ? error.name : 'Error'
    await this.#end({ phase: 'Failed', reason, message })
  }

  /** The run is over: write down how, end QEMU, give back what was held, tell. */
  async #end(outcome: Outcome): Promise<void> {
    if (this.#life === 'ended') return
    this.#clearStopping()
    try {
      this.#write({ step: 'ended', outcome })
    } catch (error) {
      // On a full disk the run still ends; only an agent that dies right now would not know how.
      this.#state = { ...this.#state, step: 'ended', outcome }
      this.#host.log(
        'error',
        `${this.namespace}/${this.name}: the end was not written down: ${(error as Error).message}`,
      )
    }
    if (this.#state.process) await endQemu(this.#state.process, this.#qmp, this.#exited)
    const { volumes, nics } = this.#state.holdings
    this.#keepFirmware()
    const given = await Promise.allSettled([
      ...nics.map((nic) => this.#host.network.unplug({ vmi: this.uid, nic })),
      ...volumes.map((volume) => this.#host.storage.unpublish(volume)),
    ])
    for (const result of given)
      if (result.status === 'rejected')
        this.#host.log('warn', `${this.namespace}/${this.name}: ${(result.reason as Error).message}`)
    removeOwnDisks(this.folders)
    void this.#cgroup.remove()
    this.console.close('the virtual machine stopped')
    this.#guestAgent = false
    this.#paused = undefined
    this.#host.log('info', `${this.namespace}/${this.name} ended: ${outcome.message}`, { reason: outcome.reason })
    this.#become('ended')
  }

  #keepFirmware(): void {
    const uuid = this.#state.config?.lastingFirmware
    if (!uuid) return
    try {
      keepFirmware(this.#host, uuid, this.folders)
    } catch (error) {
      this.#host.log('warn', `${this.namespace}/${this.name}: UEFI variables not kept: ${(error as Error).message}`)
    }
  }

  async #running<T>(task: (qmp: QmpClient) => Promise<T>): Promise<T> {
    return this.#queue.run(() => {
      if (this.#life !== 'running' || !this.#qmp)
        throw new NotRunningError(`the virtual machine ${this.namespace}/${this.name} is not running`)
      return task(this.#qmp)
    })
  }

  /** Put in the queue what nobody waits for. */
  #post(task: () => Promise<void>): void {
    this.#queue.run(task).catch((error: unknown) => {
      if (!this.#released) this.#host.log('error', `${this.namespace}/${this.name}: ${(error as Error).message}`)
    })
  }

  #become(life: Life): void {
    this.#life = life
    this.#onChange()
  }

  #write(change: Partial<RunState>): void {
    this.#state = { ...this.#state, ...change }
    writeState(this.folders.folder, this.#state)
  }
}

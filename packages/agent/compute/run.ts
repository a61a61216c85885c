import { failureWords } from '@thresher/api/failure-words'
import { join } from 'node:path'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { PodNic } from '@thresher/api/pod-network'
import { Cgroup } from './cgroup.ts'
import { ConsoleLog } from './console-log.ts'
import { endQemu } from './end-qemu.ts'
import { GuestControl, NotRunningError } from './guest-control.ts'
import { GuestLink } from './guest-link.ts'
import { giveBack, nodeOf, plannedHoldings } from './holdings.ts'
import { GracePeriod } from './grace-period.ts'
import type { ComputeHost } from './host.ts'
import type { WantedDrives } from './hot-plug/hot-drives.ts'
import { HotPlug } from './hot-plug/hot-plug.ts'
import { launchRun, readyRun, type LaunchedRun, type ReadyRun } from './launch-run.ts'
import { next, type Action, type Input, type Lifecycle } from './lifecycle.ts'
import { watchQemu } from './monitor.ts'
import type { RunPlan } from './plan.ts'
import { foldersOf, type RunFolders } from './prepare.ts'
import { isAlive, signalProcess } from './process-identity.ts'
import { guestAgentChardev, guestAgentPort } from './qemu/consoles.ts'
import { lastLines } from './qemu-file.ts'
import { mayBeQemu } from './qemu-user.ts'
import type { QmpClient } from './qmp.ts'
import type { QmpEvent } from './qmp-commands.ts'
import { closeRunFolder, makeRunFolder, removeRunFolder } from './run-folder.ts'
import { RoomWatch } from './room-watch.ts'
import { restartGuest } from './restart-guest.ts'
import { lifeOf, RunRecord } from './run-record.ts'
import type { Holding, RunState } from './run-state.ts'
import { currentVersion } from './run-state-upgrades.ts'
import { chooseRunUser, ownerOf } from './run-user.ts'
import { isUp, type RunView } from './run-view.ts'
import { SerialConsole } from './serial-console.ts'
import { connectSerial } from './serial-socket.ts'
import { TaskQueue } from './task-queue.ts'
import { TpmWatch } from './tpm/tpm-watch.ts'

/** How long a guest that is to restart by its power button has for it; one that shuts down later stays off. */
const rebootMs = 120_000
/** How often what could not be given back is tried again. */
const giveBackEveryMs = 1000

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
  readonly #record: RunRecord
  readonly #hotPlug: HotPlug
  readonly #grace = new GracePeriod(
    () => this.#press(),
    () => this.#post(() => this.#apply({ on: 'due' })),
  )
  readonly #room: RoomWatch
  /** What passes between the run and the system in its guest. */
  readonly guest: GuestLink
  readonly #tpm: TpmWatch
  #plan: RunPlan | undefined
  #qmp: QmpClient | undefined
  #ready: ReadyRun | undefined
  #launched: LaunchedRun | undefined
  /** Gives the place among the starts back; from the start until the guest runs, hangs or has ended. */
  #leaveGate: (() => void) | undefined
  #finished = false
  readonly #reached = Promise.withResolvers<void>()

  private constructor(host: ComputeHost, state: RunState, onChange: () => void, unreadable?: string) {
    this.#host = host
    this.#onChange = onChange
    const { uid } = state
    this.#life = lifeOf(state)
    this.folders = foldersOf(host, uid)
    this.#record = new RunRecord(state, this.folders.folder, host.log, unreadable)
    this.#hotPlug = new HotPlug({ host, record: this.#record, user: () => ownerOf(host, this.#state.user) }, () =>
      this.#post(() => this.#converge()),
    )
    this.#room = new RoomWatch(host.storage, () => this.#post(() => this.#roomFound()))
    this.console = new SerialConsole(new ConsoleLog(join(host.dataRoot, 'console', `${uid}.log`)))
    this.control = new GuestControl({
      name: state.name,
      folders: this.folders,
      user: () => this.user,
      running: (task) => this.#running(task),
      reboot: () => this.#post(() => this.#apply({ on: 'reboot', dueMs: Date.now() + rebootMs })),
      isPaused: () => this.#life.paused !== undefined,
      hasGuestAgent: () => this.guest.connected,
      nodeOf: (volume) => (this.#life.step === 'running' ? nodeOf(this.#state.holdings, volume) : undefined),
    })
    this.guest = new GuestLink({
      title: this.#record.title,
      ask: async (talk, timeoutMs) => {
        // An agent that does not answer to this may answer to the rest.
        await this.control.thawLeft().catch(() => {})
        return this.control.ask(talk, timeoutMs)
      },
      changed: onChange,
      notAlive: (message) => this.#post(() => this.#apply({ on: 'unhealthy', message })),
      log: host.log,
    })
    this.#tpm = new TpmWatch({
      title: this.#record.title,
      socket: this.folders.paths.tpm,
      mayBe: (user) => mayBeQemu(host, user),
      runs: () => this.#life.step !== 'ended' && this.#state.process !== undefined && isAlive(this.#state.process),
      lost: onChange,
      signal: this.#leaving.signal,
      log: host.log,
    })
  }

  /** Begin a run. @param onChange called whenever {@link view} gives something new */
  static start(host: ComputeHost, plan: RunPlan, onChange: () => void): Run {
    const { namespace = '', name = '', uid = '' } = plan.vmi.metadata
    const { pod } = plan
    const run = new Run(
      host,
      { version: currentVersion, namespace, name, uid, pod, step: 'preparing', holdings: plannedHoldings(plan) },
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

  /** The user that QEMU runs as. */
  get user(): number {
    return this.#state.user ?? this.#host.user.uid
  }

  /** Names of the cards whose taps the run holds. */
  get nics(): string[] {
    return this.#state.holdings.flatMap(({ kind, name }) => (kind === 'nic' && name ? [name] : []))
  }

  view(): RunView {
    const { step, paused, hung, noRoom, outcome } = this.#life
    const { startedAt, process, config } = this.#state
    return {
      step: step === 'ended' && !this.#finished ? 'stopping' : step,
      paused,
      noRoom: noRoom ?? false,
      hung,
      unreadable: this.#record.unreadable,
      tpmLost: this.#tpm.lost,
      outcome: this.#finished ? outcome : undefined,
      ...this.guest.view,
      drives: this.#hotPlug.drives,
      cardFailures: this.#hotPlug.cardFailures,
      startedAt,
      process,
      user: this.user,
      config,
    }
  }

  /** What only the API knew of a run whose state was made from its process. */
  complete(pod: RunState['pod'], volumes: { name: string; id: string }[]): void {
    this.#post(() => {
      const { config, holdings } = this.#state
      const held = volumes.map(({ name, id }): Holding => ({
        kind: 'volume',
        name: id,
        node: config?.disks.find((disk) => disk.name === name)?.nodeName,
      }))
      this.#record.write({ pod, holdings: [...holdings.filter(({ kind }) => kind !== 'volume'), ...held] })
      return Promise.resolve()
    })
  }

  /** Attach and detach what may come and go, until the guest has the drives and the network cards that it should have. */
  wantDevices(drives: WantedDrives, vmi: VirtualMachineInstance, nics: readonly PodNic[]): void {
    if (this.#hotPlug.want(drives, vmi, nics)) this.#post(() => this.#converge())
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
    this.#leaving.abort(new Error('the agent is stopping'))
    this.#starting.abort(new Error('the agent is stopping'))
    this.#qmp?.close()
    this.console.close('the agent restarts; connect again')
  }

  /** The end is reported: forget the run. Resolves when the first try to give back all that it held is over; others follow. */
  forget(): Promise<void> {
    this.console.discard()
    return this.#queue.run(async () => {
      for (const error of this.#state.holdings.length > 0 ? await this.#giveBack() : [])
        this.#host.log('warn', `${this.#title}: not given back yet: ${error.message}`)
      if (this.#state.holdings.length === 0) return removeRunFolder(this.folders.folder)
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
      const user = chooseRunUser(this.#host)
      makeRunFolder(this.folders.folder, user)
      this.#record.write({ user })
      this.#ready = await readyRun(this.#host, plan, this.folders, user, signal)
      this.#record.write({ config: this.#ready.config })
      await this.#apply({ on: 'prepared' })
      const ms = Math.round(performance.now() - began)
      this.#host.log('info', `${this.#title} starts`, { pid: this.#state.process?.pid, ms })
    } catch (error) {
      if (this.#left) return
      const message = failureWords(error)
      const reason = signal.aborted ? 'Stopped' : reasonOf(error)
      await this.#apply({ on: 'failed', outcome: { phase: 'Failed', reason, message } })
    }
  }

  async #launch(): Promise<void> {
    this.#launched = await launchRun(this.#host, this.#ready!, this.folders)
    const { qemu, tpm } = this.#launched
    this.#record.write({ process: qemu.identity })
    this.#watch(false, qemu.exited)
    if (tpm) this.#tpm.follow(tpm.identity, tpm.exited)
  }

  async #adopt(): Promise<void> {
    if (this.#life.step === 'ended') {
      await this.#act('finish')
      return this.#reached.resolve()
    }
    if (!this.#state.process) return this.#exited()
    if (mayHaveRun(this.#life)) closeRunFolder(this.folders.folder)
    if (this.#life.killed) this.#kill()
    if (this.#life.step === 'stopping') this.#grace.arm(this.#life.dueMs ?? 0)
    this.#watch(true)
    if (this.#state.holdings.some(({ kind }) => kind === 'tpm')) this.#tpm.adopt()
  }

  #watch(adopted: boolean, exited?: Promise<void>): void {
    const { process } = this.#state
    if (!process) return
    const post = (input: Input): void => this.#post(() => this.#apply(input))
    void watchQemu({
      socket: this.folders.paths.qmp,
      process,
      user: this.user,
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
    // All sockets are there by now, and no guest code has run.
    if (!mayHaveRun(this.#life)) closeRunFolder(this.folders.folder)
    const isNew = this.#qmp !== qmp
    this.#qmp = qmp
    if (isNew) await this.#introduce(qmp)
    await this.#apply({
      on: 'answered',
      status,
      nowMs: Date.now(),
      startPaused: this.#plan?.vmi.spec.startStrategy === 'Paused',
    })
    if (status === 'io-error') await this.#paused(qmp)
    await this.#converge()
  }

  /** What a new connection must be told of, or asked for, once. */
  async #introduce(qmp: QmpClient): Promise<void> {
    const { serial } = this.#state.config?.features ?? {}
    if (serial) {
      try {
        await connectSerial(this.console, { path: this.folders.paths.serial, user: this.user }, qmp)
      } catch (error) {
        this.#host.log('warn', `${this.#title}: no serial console: ${(error as Error).message}`)
      }
    }
    if (this.#plan) return this.#hotPlug.startLinks(qmp, this.#plan.vmi)
    this.#host.log('info', `adopted QEMU of ${this.#title}`, { pid: this.#state.process?.pid })
    const channels = await qmp.execute('query-chardev', {})
    if (channels.find(({ label }) => label === guestAgentChardev)?.['frontend-open']) this.guest.set(true)
  }

  async #handle({ event, data }: QmpEvent): Promise<void> {
    switch (event) {
      case 'SHUTDOWN':
        return this.#apply({ on: 'shutdown', reason: String(data?.['reason']), nowMs: Date.now() })
      case 'GUEST_PANICKED':
        return this.#apply({ on: 'panicked' })
      case 'STOP':
        return this.#qmp && this.#paused(this.#qmp)
      case 'RESUME':
        return this.#apply({ on: 'resumed' })
      case 'RESET':
        this.guest.restarted()
        if (data?.['guest'] === true) this.#host.log('info', `${this.#title} restarted itself`)
        return
      case 'VSERPORT_CHANGE':
        if (data?.['id'] === guestAgentPort) this.guest.set(data['open'] === true)
        return
      case 'DEVICE_DELETED':
        this.#hotPlug.deleted(String(data?.['device']))
        return this.#converge()
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
    if (isUp(state) && !isUp(before) && !this.#state.startedAt) {
      this.#record.note({ startedAt: new Date().toISOString() })
      this.#host.log('info', `${this.#title} runs`, { pid: this.#state.process?.pid })
    }
    if (write) this.#record.persist(state)
    for (const action of actions) await this.#act(action)
    this.#room.set(state.noRoom === true)
    this.guest.probe(state.step === 'running' && !state.paused && !state.hung)
    if (isUp(state) || state.hung || state.step === 'ended') this.#leaveGate?.()
    if (input.on === 'answered' || state.hung || state.step === 'ended') this.#reached.resolve()
    if (state !== before) this.#onChange()
  }

  async #act(action: Action): Promise<void> {
    switch (action) {
      case 'continue':
        return void (await this.#qmp?.execute('cont', {}))
      case 'arm':
        return this.#grace.arm(this.#life.dueMs ?? 0)
      case 'press':
        return this.#press()
      case 'kill':
        return this.#kill()
      case 'finish':
        return this.#finish()
      case 'restart':
        return this.#qmp && restartGuest(this.#qmp)
      case 'launch':
        return this.#launch()
    }
  }

  #press(): void {
    this.#qmp?.execute('system_powerdown', {}).catch(() => {})
  }

  #kill(): void {
    if (this.#state.process) signalProcess(this.#state.process, 'SIGKILL')
  }

  #clearTimers(): void {
    this.#grace.clear()
    this.#hotPlug.stop()
    this.#room.set(false)
    this.guest.stop()
  }

  /** A guest whose disk was full goes on when there is room again. */
  #roomFound(): Promise<void> {
    this.#host.log('info', `${this.#title}: the disk has room again, the guest goes on`)
    return this.#apply({ on: 'room' })
  }

  /** Bring the guest's devices to what is wanted, as far as that can be now. */
  async #converge(): Promise<void> {
    if (this.#life.step !== 'running' || this.#life.hung || !this.#qmp || this.#left) return
    await this.#hotPlug.converge(this.#qmp)
    this.#onChange()
  }

  /** The run is over: end QEMU, give back what was held. */
  async #finish(): Promise<void> {
    this.#clearTimers()
    const { process } = this.#state
    const { outcome, hung } = this.#life
    if (process) await endQemu(process, hung ? undefined : this.#qmp, this.#launched?.qemu.exited)
    new Cgroup(this.#host.hierarchy, this.uid).kill()
    this.#keepFirmware()
    await this.#giveBack()
    this.console.close('the virtual machine stopped')
    this.#finished = true
    this.#host.log('info', `${this.#title} ended: ${outcome?.message}`, { reason: outcome?.reason })
    this.#onChange()
  }

  /** What fails is tried again when the run is forgotten. */
  async #giveBack(): Promise<Error[]> {
    const { uid, holdings } = this.#state
    const { left, errors } = await giveBack(this.#host, {
      uid,
      user: ownerOf(this.#host, this.#state.user),
      folders: this.folders,
      holdings,
    })
    this.#record.persist(this.#life, { holdings: left })
    return errors
  }

  #keepFirmware(): void {
    const uid = this.#state.config?.lastingFirmware
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

  get #state(): RunState {
    return this.#record.state
  }

  get #title(): string {
    return this.#record.title
  }
}

/** Whether guest code may have run, which only follows from the step `running`. */
function mayHaveRun({ step }: Lifecycle): boolean {
  return step !== 'preparing' && step !== 'starting' && step !== 'incoming'
}

/** A failure of ours has a name that says what failed; one of the runtime has none that anybody knows. */
function reasonOf(error: unknown): string {
  const isOurs = error instanceof Error && !['Error', 'TypeError', 'SyntaxError', 'TimeoutError'].includes(error.name)
  return isOurs && !('code' in error) ? error.name : 'StartFailed'
}

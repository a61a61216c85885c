import {
  sampleSeconds,
  longestMinutes,
  type CurrentUsage,
  type HostUsage,
  type UsageCounters,
  type UsageHistory,
} from '@thresher/api/metrics/usage'
import type { Run } from '../compute/run.ts'
import { isUp } from '../compute/run-view.ts'
import type { Log } from '../compute/host.ts'
import { startedAtMs, type ProcessIdentity } from '../compute/process-identity.ts'
import { History } from './history.ts'
import { readHistories, writeHistories } from './history-file.ts'
import { hostCounters, readInterfaces } from './host-counters.ts'
import { machineCounters } from './machine-counters.ts'
import { ratesBetween, type Reading } from './rates.ts'

/** The most things whose past is kept; those that have not been seen for longest go first. */
const mostHistories = 2000
/** How often the past is written down. What an agent that is killed loses is so much. */
const saveEverySamples = 20
const hostKey = ''

/** A thing that is measured: the host, or a machine that runs. */
interface Measured {
  /** A QEMU that was started anew counts from nothing. */
  since: string
  reading: Reading
  current: CurrentUsage
}

export interface UsageRecorderOptions {
  /** The runs of this host. */
  runs(): Run[]
  /** Where the past is kept over restarts of the agent. */
  file: string
  log: Log
}

/**
 * Measures the host and its guests every 30 seconds and keeps the last day in rings of fixed size. It writes nothing to the API: who wants
 * to know asks.
 */
export class UsageRecorder {
  readonly #options: UsageRecorderOptions
  readonly #histories: Map<string, History>
  readonly #measured = new Map<string, Measured>()
  #timer: NodeJS.Timeout | undefined
  #samples = 0
  #failing = false

  constructor(options: UsageRecorderOptions) {
    this.#options = options
    this.#histories = readHistories(options.file)
  }

  /** Sample from now on. */
  start(): void {
    void this.sample()
    this.#schedule()
  }

  /** Stop, and write the past down. */
  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#save()
  }

  /** Take a sample of everything, now. */
  async sample(nowMs = Date.now()): Promise<void> {
    const interfaces = readInterfaces()
    this.#record(hostKey, undefined, hostCounters(interfaces), nowMs)
    const seen = new Set([hostKey])
    const measuring = this.#options.runs().map(async (run) => {
      const { process, config, step } = run.view()
      if (!process || !isUp({ step })) return
      const key = keyOf(run)
      seen.add(key)
      const taps = config?.nics.map(({ ifname }) => ifname) ?? []
      const disks = await run.control.diskBytes().catch(() => undefined)
      // A QEMU that does not answer is measured when it does again, over the whole time in between.
      if (disks) this.#record(key, process, machineCounters(process, taps, disks, interfaces), nowMs)
    })
    await Promise.all(measuring)
    for (const key of this.#measured.keys()) if (!seen.has(key)) this.#measured.delete(key)
    this.#forget(nowMs)
    this.#samples += 1
    if (this.#samples % saveEverySamples === 0) this.#save()
  }

  /** What the host and the machines on it use now. */
  now(): HostUsage {
    const machines = this.#options.runs().flatMap((run) => {
      const found = this.#measured.get(keyOf(run))
      if (!found) return []
      const { config } = run.view()
      const { namespace, name, pod } = run
      const { cpus = 0, guestBytes = 0 } = config ?? {}
      return [{ namespace, name, pod: pod.name, cpus, guestBytes, usage: found.current }]
    })
    const host = this.#measured.get(hostKey)?.current
    return { ...(host ? { host } : {}), machines }
  }

  /** The past of the host, or of a machine that runs or ran here; undefined when nothing is known of it. */
  history(minutes: number, machine?: { namespace: string; name: string }): UsageHistory | undefined {
    return this.#histories.get(machine ? keyOf(machine) : hostKey)?.read(minutes, Date.now() / 1000)
  }

  #schedule(): void {
    const stepMs = sampleSeconds * 1000
    const untilNextMs = stepMs - (Date.now() % stepMs)
    // A timer may be early by a moment, and the same step must not be sampled twice.
    const waitMs = untilNextMs < 1000 ? untilNextMs + stepMs : untilNextMs
    this.#timer = setTimeout(() => void this.sample().finally(() => this.#timer && this.#schedule()), waitMs).unref()
  }

  #record(key: string, process: ProcessIdentity | undefined, counters: UsageCounters, atMs: number): void {
    const since = process ? `${process.pid} ${process.startTicks}` : ''
    const reading = { atMs: performance.now(), counters }
    const known = this.#measured.get(key)
    const before = known?.since === since ? known.reading : process && beginning(process, reading)
    const rates = before && ratesBetween(before, reading)
    this.#measured.set(key, { since, reading, current: { atMs, counters, ...(rates ? { rates } : {}) } })
    if (!rates) return
    const history = this.#histories.get(key) ?? new History()
    // Moved to the end: the map is in the order of the newest sample.
    this.#histories.delete(key)
    this.#histories.set(key, history)
    // What was measured lies in the step that has just ended.
    history.add(atMs / 1000 - sampleSeconds / 2, rates)
  }

  #forget(nowMs: number): void {
    const oldest = nowMs / 1000 - longestMinutes * 60
    for (const [key, history] of this.#histories) {
      if (this.#histories.size <= mostHistories && history.lastSeconds >= oldest) return
      this.#histories.delete(key)
    }
  }

  #save(): void {
    try {
      writeHistories(this.#options.file, this.#histories)
      this.#failing = false
    } catch (error) {
      if (!this.#failing)
        this.#options.log('warn', `the usage of the last hours cannot be kept: ${(error as Error).message}`)
      this.#failing = true
    }
  }
}

/** A guest that has just been started has counted from nothing since; one that was adopted is measured from now on. */
function beginning(process: ProcessIdentity, { atMs, counters }: Reading): Reading | undefined {
  const ageMs = Date.now() - startedAtMs(process)
  if (ageMs > 2 * sampleSeconds * 1000) return undefined
  const nothing = { cpu: 0, memory: 0, diskRead: 0, diskWrite: 0, networkReceive: 0, networkTransmit: 0 }
  return { atMs: atMs - ageMs, counters: { ...nothing, memory: counters.memory } }
}

function keyOf({ namespace, name }: { namespace: string; name: string }): string {
  return `${namespace}/${name}`
}

import { existsSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { connectMonitor } from './connect-monitor.ts'
import type { HungReason } from './lifecycle.ts'
import { cpuTicks, isAlive, type ProcessIdentity } from './process-identity.ts'
import type { QmpClient } from './qmp.ts'
import type { QmpEvent } from './qmp-commands.ts'

/** What the monitor reports of its QEMU. */
export interface MonitorReports {
  /** QEMU answers, for the first time or again, with the guest's state. */
  answered(qmp: QmpClient, status: string): void
  event(event: QmpEvent): void
  /** QEMU lives but does not answer. */
  silent(why: HungReason): void
  /** The process is gone. */
  exited(): void
}

export interface MonitorOptions {
  socket: string
  process: ProcessIdentity
  /** The user that it runs as. */
  user: number
  /** Whether QEMU was up before, so that its socket and its greeting must be there. */
  adopted: boolean
  /** Of a QEMU that is this process's child: resolves at its end. */
  exited?: Promise<void>
  reports: MonitorReports
  signal: AbortSignal
  /** Other than {@link patienceMs} and {@link askEveryMs}. */
  times?: { patienceMs: number; askEveryMs: number }
}

/** How long QEMU may be silent before it counts as hung. While it starts, only as long as it also uses no processor time. */
const patienceMs = 10_000
/** The same for the greeting of one that was up before. */
const adoptedPatienceMs = 3000
/** How often a QEMU is asked whether it still answers: nothing else shows a main loop that stands still. */
const askEveryMs = 15_000
/** How often a process is looked at that no connection to it would report the end of. */
const lookEveryMs = 500
/** A process closes its files a moment before it is gone. */
const dyingMs = 2000

/**
 * Watches one QEMU until it is gone. That it is gone is known from its process alone: a monitor that is silent, or whose
 * socket is gone, only makes it hung, and it is tried again for as long as the process lives.
 */
export async function watchQemu(options: MonitorOptions): Promise<void> {
  const { process, exited, reports, signal } = options
  const gone = new AbortController()
  const ended = AbortSignal.any([signal, gone.signal])
  const end = (): void => gone.abort(new Error('QEMU ended'))
  void exited?.then(end)
  const look = setInterval(() => !isAlive(process) && end(), lookEveryMs)
  ended.addEventListener('abort', () => clearInterval(look), { once: true })
  if (!isAlive(process)) end()
  while (!ended.aborted) {
    try {
      const qmp = await reach(options, ended)
      // From now on the connection's end shows the process's end.
      clearInterval(look)
      await attend(options, qmp, ended)
      await stayedAlive(process, ended)
      reports.silent('MonitorGone')
    } catch {
      if (!isAlive(process)) end()
      // Such as a run folder that is not there.
      else if (!ended.aborted) reports.silent('MonitorGone')
    }
    if (ended.aborted || !isAlive(process)) break
    await delay(lookEveryMs, undefined, { signal: ended, ref: false }).catch(() => {})
  }
  clearInterval(look)
  if (!signal.aborted) reports.exited()
}

/** Connect, however long it takes. */
async function reach(
  { socket, process, user, adopted, reports }: MonitorOptions,
  signal: AbortSignal,
): Promise<QmpClient> {
  let ticks = cpuTicks(process)
  const reportSilence = (): void => reports.silent(existsSync(socket) ? 'NoGreeting' : 'MonitorGone')
  if (adopted && !existsSync(socket)) reportSilence()
  const impatient = setInterval(
    () => {
      const now = cpuTicks(process)
      // A slow start is no hung one: it gets on.
      if (!adopted && now !== ticks) ticks = now
      else reportSilence()
    },
    adopted ? adoptedPatienceMs : patienceMs,
  )
  impatient.unref()
  try {
    return await connectMonitor(socket, user, signal)
  } finally {
    clearInterval(impatient)
  }
}

/** Listen until the connection ends, and ask from time to time. */
async function attend({ reports, times }: MonitorOptions, qmp: QmpClient, signal: AbortSignal): Promise<void> {
  let waiting = false
  let unheard = true
  const ask = async (): Promise<void> => {
    if (waiting) return
    waiting = true
    const timer = setTimeout(() => {
      unheard = true
      reports.silent('NoAnswer')
    }, times?.patienceMs ?? patienceMs)
    try {
      // No limit: one that is asked again and again while it stands still only has more to answer.
      const { status } = await qmp.execute('query-status', {}, signal)
      if (unheard) reports.answered(qmp, status)
      unheard = false
    } finally {
      clearTimeout(timer)
      waiting = false
    }
  }
  qmp.onEvent((event) => reports.event(event))
  void ask().catch(() => {})
  const asking = setInterval(() => void ask().catch(() => {}), times?.askEveryMs ?? askEveryMs)
  asking.unref()
  const stop = (): void => qmp.close()
  signal.addEventListener('abort', stop, { once: true })
  try {
    await qmp.closed
  } finally {
    clearInterval(asking)
    signal.removeEventListener('abort', stop)
  }
}

/** Resolves when the process outlived its connection. @throws {Error} when it ended with it */
async function stayedAlive(process: ProcessIdentity, signal: AbortSignal): Promise<void> {
  for (let waited = 0; waited < dyingMs; waited += 5) {
    signal.throwIfAborted()
    if (!isAlive(process)) throw new Error('QEMU ended')
    await delay(5)
  }
}

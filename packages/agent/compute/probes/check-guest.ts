import { connect } from 'node:net'
import http from 'node:http'
import https from 'node:https'
import { setTimeout as delay } from 'node:timers/promises'
import type { Probe } from '@thresher/api/kubevirt/probe'
import type { Ask } from '../guest-agent.ts'

/** What a probe asks: the guest at its address on the cluster's network, or its agent. */
export interface ProbedGuest {
  /** Undefined while the guest has none. */
  address(): string | undefined
  ask<T>(talk: (ask: Ask) => Promise<T>, timeoutMs: number): Promise<T>
}

/** How often a program that runs in the guest is looked after. */
const lookMs = 100

/**
 * Ask a guest once. Requests go to the guest's own address alone, whatever the probe says, since the node would otherwise speak on
 * a tenant's behalf with whom it may not speak itself.
 *
 * @throws {Error} with the reason, as a sentence, when the guest does not pass
 */
export async function checkGuest(probe: NonNullable<Probe>, guest: ProbedGuest, timeoutMs: number): Promise<void> {
  const { guestAgentPing, exec, httpGet, tcpSocket } = probe
  if (guestAgentPing) return void (await guest.ask((ask) => ask('guest-ping'), timeoutMs))
  if (exec) return execute(exec.command ?? [], guest, timeoutMs)
  if (!httpGet && !tcpSocket)
    throw new Error('the probe says nothing to ask; give tcpSocket, httpGet, exec or guestAgentPing')
  const host = guest.address()
  if (!host) throw new Error('the guest has no address yet')
  if (tcpSocket) return connectTo(host, portOf(tcpSocket.port), timeoutMs)
  return request(host, httpGet!, timeoutMs)
}

function portOf(port: number | string): number {
  const number = Number(port)
  if (Number.isInteger(number) && number > 0 && number < 65_536) return number
  throw new Error(`the probe's port ${JSON.stringify(port)} is none; give a number from 1 to 65535`)
}

function connectTo(host: string, port: number, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: timeoutMs })
    socket.once('connect', () => {
      socket.destroy()
      resolve()
    })
    socket.once('timeout', () => socket.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)))
    socket.once('error', (error) => reject(new Error(`port ${port} of the guest: ${error.message}`)))
  })
}

/** Passes on any status from 200 to 399; the body is not read, redirects are not followed. @see Kubernetes' HTTP probes */
function request(host: string, get: NonNullable<NonNullable<Probe>['httpGet']>, timeoutMs: number): Promise<void> {
  const port = portOf(get.port)
  const secure = get.scheme === 'HTTPS'
  const path = `/${(get.path ?? '').replace(/^\//, '')}`
  return new Promise((resolve, reject) => {
    const fail = (why: string): void =>
      reject(new Error(`${get.scheme ?? 'HTTP'} ${path} on port ${port} of the guest: ${why}`))
    const headers = Object.fromEntries((get.httpHeaders ?? []).map(({ name, value }) => [name, value]))
    const signal = AbortSignal.timeout(timeoutMs)
    try {
      // As Kubernetes has it, whoever shows a certificate is taken at its word: it is only asked whether it is well.
      const options = { host, port, path, headers, agent: false as const, signal, rejectUnauthorized: false }
      const outgoing = (secure ? https : http).get(options, (response) => {
        response.destroy()
        const { statusCode = 0 } = response
        if (statusCode >= 200 && statusCode < 400) resolve()
        else fail(`it answered ${statusCode}`)
      })
      outgoing.on('error', (error) => fail(signal.aborted ? `no answer within ${timeoutMs / 1000} s` : error.message))
    } catch (error) {
      // A header or a path that cannot be sent.
      fail((error as Error).message)
    }
  })
}

/** Run a program in the guest by its agent; it passes by exit code 0. */
function execute([path, ...arg]: string[], guest: ProbedGuest, timeoutMs: number): Promise<void> {
  if (!path) throw new Error('exec.command is empty; name a program in the guest')
  return guest.ask(async (ask) => {
    const { pid } = await ask('guest-exec', { path, arg, 'capture-output': false })
    for (;;) {
      const status = await ask('guest-exec-status', { pid })
      if (status.exited) {
        if (status.exitcode === 0) return
        throw new Error(`${path} ended in the guest with ${status.exitcode ?? `signal ${status.signal}`}`)
      }
      await delay(lookMs)
    }
  }, timeoutMs)
}

import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { issueAgentCertificates, issueClientCertificate } from '@thresher/apiserver/pki/ensure'
import { newAuthority, type KeyPairPem } from '@thresher/apiserver/pki/certificate'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { Run } from '../compute/run.ts'
import { signalProcess } from '../compute/process-identity.ts'
import { testPlan, testHost, testInstance, writeTestGuest } from '../compute/testing.ts'
import { UsageRecorder } from '../usage/recorder.ts'
import { HostUsage, UsageHistory } from '@thresher/api/metrics/usage'
import { matches } from '@thresher/api/matches'
import { AgentServer } from './server.ts'

const none = () => Promise.reject(new Error('there are no images'))
const noImages = { upload: none, uploadState: none, open: none }

let folder: string
let run: Run
let usage: UsageRecorder
let server: AgentServer
let port: number
let authority: KeyPairPem
let caller: KeyPairPem

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'agent-'))
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, 'run'))
  const disk = join(folder, 'root.img')
  writeTestGuest(disk)
  chmodSync(disk, 0o666)
  const running = Promise.withResolvers<void>()
  run = Run.start(
    testHost(folder),
    testPlan(folder, testInstance('u1')),
    () => run.view().step === 'running' && running.resolve(),
  )
  await running.promise
  authority = newAuthority('test')
  caller = issueClientCertificate(authority, { name: 'thresher-apiserver' })
  const { serving } = issueAgentCertificates(authority, { node: 'n1', addresses: ['127.0.0.1'] })
  usage = new UsageRecorder({ runs: () => [run], file: join(folder, 'usage.json'), log: () => {} })
  server = new AgentServer({
    port: 0,
    host: '127.0.0.1',
    tls: { ca: authority.cert, ...serving },
    find: (namespace, name) => (namespace === 'default' && name === 'guest' ? run : undefined),
    addressOf: () => '127.0.0.1',
    images: noImages,
    stats: () => Promise.resolve({ version: 'v0' }),
    usage,
    log: () => {},
  })
  port = await server.listen()
})

afterAll(async () => {
  server.close()
  run.release()
  const { process } = run.view()
  if (process) signalProcess(process, 'SIGKILL')
  await run.settled()
  rmSync(folder, { recursive: true, force: true })
})

function ask(
  method: string,
  path: string,
  client: KeyPairPem = caller,
  body?: unknown,
): Promise<{ status: number; type?: string; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method, path, ca: authority.cert, ...client, agent: false as const }
    const outgoing = request(options, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers['content-type'],
          body: Buffer.concat(chunks),
        }),
      )
    })
    outgoing.on('error', reject)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

/** A viewer, and what it was sent so far. */
function view(path: string, protocols: string[] = ['plain.kubevirt.io']) {
  const viewer = new WebSocket(`wss://127.0.0.1:${port}${path}`, protocols, { ca: authority.cert, ...caller })
  let heard = ''
  let binary = true
  viewer.on('message', (data: Buffer, isBinary) => {
    heard += data.toString('latin1')
    binary &&= isBinary
  })
  const hears = async (text: string): Promise<string> => {
    for (let tries = 0; !heard.includes(text); tries++) {
      if (tries > 400) throw new Error(`only heard ${JSON.stringify(heard)}`)
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
    return heard
  }
  /** Type until it is echoed: a guest that is just starting takes no keys yet. */
  const types = async (text: string): Promise<void> => {
    const again = setInterval(() => viewer.send(Buffer.from(text)), 300)
    viewer.send(Buffer.from(text))
    await hears(text).finally(() => clearInterval(again))
  }
  return { viewer, hears, types, isBinary: () => binary }
}

const guest = '/vmi/default/guest'

describe("the agent's server", () => {
  it('serves the API server, and nobody else with a certificate of the cluster', async () => {
    expect((await ask('GET', '/healthz')).body.toString()).toBe('ok')
    expect(JSON.parse((await ask('GET', '/stats')).body.toString())).toEqual({ version: 'v0' })
    const other = issueClientCertificate(authority, { name: 'system:node:n2', groups: ['system:nodes'] })
    const refused = await ask('GET', '/stats', other)
    expect(refused.status).toBe(403)
    expect(JSON.parse(refused.body.toString())).toMatchObject({ kind: 'Status', reason: 'Forbidden' })
    const foreign = issueClientCertificate(newAuthority('other'), { name: 'thresher-apiserver' })
    await expect(ask('GET', '/healthz', foreign)).rejects.toThrow()
  })

  it('answers with a Status for what is not there', async () => {
    const unknown = await ask('PUT', '/vmi/default/other/pause')
    expect(unknown.status).toBe(404)
    expect(JSON.parse(unknown.body.toString())).toMatchObject({
      message: 'the virtual machine default/other does not run on this node',
    })
    expect((await ask('GET', `${guest}/nothing`)).status).toBe(404)
    expect((await ask('GET', '/vmi/%E0%A4%A/x')).status).toBeGreaterThanOrEqual(400)
  })

  it('pauses, goes on, resets and takes pictures', async () => {
    expect((await ask('PUT', `${guest}/pause`)).status).toBe(200)
    expect((await ask('PUT', `${guest}/unpause`)).status).toBe(200)
    expect((await ask('PUT', `${guest}/reset`)).status).toBe(200)
    const picture = await ask('GET', `${guest}/vnc/screenshot`)
    expect(picture).toMatchObject({ status: 200, type: 'image/png' })
  })

  it('types at the keyboard, and says which character or key cannot be', async () => {
    const put = (body: unknown) => ask('PUT', `${guest}/sendkeys`, caller, body)
    expect((await put({ text: 'ab' })).status).toBe(200)
    expect((await put({ keys: [['ctrl', 'alt', 'delete']] })).status).toBe(200)
    for (const [body, why] of [
      [{ text: 'ä' }, 'is not on a US keyboard'],
      [{ keys: [['any']] }, 'is not a key'],
      [{}, 'say what to type'],
      [{ text: 'x'.repeat(300_000) }, 'more than 262144 bytes'],
    ] as const) {
      const refused = await put(body)
      expect(refused.status).toBeGreaterThanOrEqual(400)
      expect(JSON.parse(refused.body.toString()).message).toContain(why)
    }
  })

  it('gives what the serial console said last', async () => {
    const { viewer, hears } = view(`${guest}/console`)
    await hears('ready')
    viewer.close()
    const log = await ask('GET', `${guest}/console/log`)
    expect(log).toMatchObject({ status: 200, type: 'application/octet-stream' })
    expect(log.body.toString()).toContain('ready')
  })

  it('says so when the guest has no agent to ask', async () => {
    const refused = await ask('PUT', `${guest}/freeze`)
    expect(refused.status).toBe(409)
    expect(JSON.parse(refused.body.toString()).message).toContain('no guest agent')
  })

  it('gives the console to several viewers, each with what was said before, in binary frames', async () => {
    const first = view(`${guest}/console`)
    await first.hears('ready')
    expect(first.viewer.protocol).toBe('plain.kubevirt.io')
    await first.types('one')
    const second = view(`${guest}/console`, [])
    expect(await second.hears('one')).toContain('ready')
    await second.types('two')
    await first.hears('two')
    expect(first.isBinary() && second.isBinary()).toBe(true)
    first.viewer.close()
    second.viewer.close()
  })

  it('bridges the display, to several viewers of which none throws another out', async () => {
    const first = view(`${guest}/vnc`)
    expect(await first.hears('RFB')).toContain('RFB 003.008')
    const second = view(`${guest}/vnc`)
    await second.hears('RFB')
    // Both ask for the screen alone, the way some viewers do.
    for (const { viewer } of [first, second]) {
      viewer.send(Buffer.from('RFB 003.008\n'))
      viewer.send(Buffer.from([1]))
      viewer.send(Buffer.from([0]))
    }
    await Promise.all([first.hears('QEMU'), second.hears('QEMU')])
    expect([first, second].map(({ viewer }) => viewer.readyState)).toEqual([1, 1])
    for (const { viewer } of [first, second]) viewer.close()
  })

  it('forwards a port of the guest, and refuses one that nobody listens on before the upgrade', async () => {
    const refusal = await new Promise<{ status?: number; body: string }>((resolve, reject) => {
      const { viewer } = view(`${guest}/portforward/1`)
      viewer.on('error', reject)
      viewer.on('unexpected-response', (_request, response) => {
        let body = ''
        response.on('data', (chunk) => (body += String(chunk)))
        response.on('end', () => resolve({ status: response.statusCode, body }))
      })
    })
    expect(refusal.status).toBe(400)
    expect(JSON.parse(refusal.body)).toMatchObject({ message: expect.stringContaining('port 1') })
    const open = view(`${guest}/portforward/${port}`)
    await new Promise((resolve) => open.viewer.once('open', resolve))
    open.viewer.close()
  })
})

describe('usage', () => {
  const json = async (path: string) => JSON.parse((await ask('GET', path)).body.toString()) as unknown

  it('of host and guests is measured, told as it is and as it was, and outlasts the agent', async () => {
    expect((await ask('GET', '/usage/history?minutes=60')).status).toBe(404)
    await usage.sample()
    await usage.sample()
    const now = await json('/usage')
    if (!matches(HostUsage, now)) throw new Error('not in the form that the server reads')
    const [machine] = now.machines
    expect(machine).toMatchObject({ namespace: 'default', name: 'guest', pod: 'virt-launcher-guest-abcde' })
    // QEMU has booted a guest: it has used processor and memory, and has read its disk.
    expect(machine!.usage.counters.cpu).toBeGreaterThan(0)
    expect(machine!.usage.counters.memory).toBeGreaterThan(2 ** 20)
    expect(machine!.usage.counters.diskRead).toBeGreaterThan(0)
    expect(machine!.usage.rates!.cpu).toBeGreaterThanOrEqual(0)
    expect(now.host!.rates!.memory).toBeGreaterThan(2 ** 20)
    const past = await json('/usage/history?minutes=2&namespace=default&name=guest')
    if (!matches(UsageHistory, past)) throw new Error('not in the form that the server reads')
    expect(past.series.memory.some((value) => value !== null)).toBe(true)
    expect((await ask('GET', '/usage/history?namespace=default&name=stranger')).status).toBe(404)

    usage.close()
    const next = new UsageRecorder({ runs: () => [], file: join(folder, 'usage.json'), log: () => {} })
    expect(next.history(2, { namespace: 'default', name: 'guest' })).toEqual(past)
    expect(next.now()).toEqual({ machines: [] })
  })
})

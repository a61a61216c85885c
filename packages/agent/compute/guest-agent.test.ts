import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { askGuest } from './guest-agent.ts'
import { learnGuest } from './guest-facts.ts'

let folder: string
let path: string
let server: Server | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ga-'))
  path = join(folder, 'ga.sock')
})
afterEach(() => {
  server?.close()
  rmSync(folder, { recursive: true, force: true })
})

type Asked = { execute: string; arguments?: { id?: number } }

/** A guest's agent at the other end of the channel. @param answer gives what it says, or says it itself */
async function agent(answer: (asked: Asked, socket: Socket) => unknown): Promise<void> {
  server = createServer((socket) => {
    let text = ''
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1').replaceAll('\xff', '')
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        const asked = JSON.parse(text.slice(0, end)) as Asked
        text = text.slice(end + 1)
        const said = answer(asked, socket)
        if (said !== undefined) socket.write(`${JSON.stringify(said)}\n`)
      }
    })
  })
  await new Promise<void>((resolve) => server!.listen(path, resolve))
}

/** An agent that answers one question with this, and the handshake as it should. */
const answering = (said: unknown) =>
  agent(({ execute, arguments: args }) =>
    execute === 'guest-sync-delimited' ? { return: args?.id } : typeof said === 'function' ? said(execute) : said,
  )

const ask = (timeoutMs = 300) => askGuest(path, timeoutMs, (question) => question('guest-get-host-name'))

describe('a conversation with the agent of a guest', () => {
  it('gets an answer, also after the rest of an earlier one', async () => {
    await agent(({ execute, arguments: args }, socket) => {
      if (execute !== 'guest-sync-delimited') return { return: { 'host-name': 'web' } }
      socket.write('half an answer"}\n{"return": 5}\n')
      return { return: args?.id }
    })
    expect(await ask()).toEqual({ 'host-name': 'web' })
  })

  const rows: [string, () => Promise<void>, string][] = [
    ['is silent', () => agent(() => undefined), 'did not answer within 300 ms'],
    ['answers no question', () => answering(undefined), 'did not answer within 300 ms'],
    ['refuses', () => answering({ error: { desc: 'not now' } }), 'refused guest-get-host-name: not now'],
    ['answers in another form', () => answering({ return: { 'host-name': 7 } }), 'in an unknown form'],
    ['says what is no JSON', () => agentOfWords('{{{\n'), 'something that is not JSON'],
    ['closes the channel', () => agent((_, socket) => void socket.destroy()), 'was closed'],
    ['answers without end', () => flood('x'.repeat(65_536)), 'too long an answer'],
    ['answers without end in lines', () => flood(`${'y'.repeat(1023)}\n`.repeat(64)), 'more than it was asked for'],
  ]
  for (const [what, start, message] of rows)
    it(`with one that ${what} ends with a reason`, async () => {
      await start()
      await expect(ask(message.includes('within') ? 300 : 10_000)).rejects.toThrow(message)
    })

  /** Says the words after the handshake. */
  function agentOfWords(words: string): Promise<void> {
    return agent(({ execute, arguments: args }, socket) => {
      if (execute === 'guest-sync-delimited') return { return: args?.id }
      socket.write(words)
      return undefined
    })
  }

  /** Talks for as long as anybody listens. */
  function flood(words: string): Promise<void> {
    return agent((_, socket) => {
      const more = (): void => {
        while (!socket.destroyed && socket.write(words));
      }
      socket.on('drain', more)
      more()
    })
  }
})

describe('what a guest says of itself', () => {
  it('is cut where it is long, and addresses are addresses', async () => {
    const long = 'z'.repeat(10_000)
    const card = {
      name: long,
      'hardware-address': '52:54:00:00:00:01',
      'ip-addresses': [
        { 'ip-address': '<script>', 'ip-address-type': 'ipv4', prefix: 24 },
        ...Array.from({ length: 100 }, (_, index) => ({
          'ip-address': `10.0.0.${index}`,
          'ip-address-type': 'ipv4',
          prefix: 24,
        })),
      ],
    }
    const commands = ['guest-get-osinfo', 'guest-get-host-name', 'guest-network-get-interfaces']
    const answers: Record<string, unknown> = {
      'guest-info': { version: long, supported_commands: commands.map((name) => ({ name, enabled: true })) },
      'guest-get-osinfo': { name: long, id: 'debian' },
      'guest-get-host-name': { 'host-name': long },
      'guest-network-get-interfaces': Array.from({ length: 200 }, () => card),
    }
    await answering((execute: string) => ({ return: answers[execute] }))
    const facts = await askGuest(path, 5000, learnGuest)
    expect(JSON.stringify(facts).length).toBeLessThan(110_000)
    expect([facts.version, facts.hostname, facts.os?.name].map((text) => text?.length)).toEqual([128, 128, 128])
    expect(facts.os?.id).toBe('debian')
    expect(facts.interfaces?.length).toBe(32)
    expect(facts.interfaces?.[0]?.['ip-addresses']?.length).toBe(32)
    expect(facts.interfaces?.[0]?.['ip-addresses']?.[0]?.['ip-address']).toBe('10.0.0.0')
  })
})

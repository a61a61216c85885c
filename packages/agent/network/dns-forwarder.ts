import { createSocket, type Socket as Datagrams } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, isIPv6, type Server, type Socket } from 'node:net'
import { answerCodes, readQuestion, writeAnswer, type Question } from './dns-message.ts'

/** How long a server of the host has for its answer before the next one is asked. */
const patienceMs = 2000
/** Questions in flight; beyond, new ones are dropped and the guest asks again. */
const mostQuestions = 512
/** How long a TCP connection may be silent. */
const silenceMs = 30_000

/** Answers a question at once, or not. */
export type OwnAnswer = (message: Buffer, question: Question) => Buffer | undefined

/**
 * Answers the guests' DNS questions: about guests at once, all others by asking the host's name servers. Those messages are
 * passed on as they are, over UDP and TCP; each question has its own socket, so that answers cannot be confused or guessed
 * easily.
 */
export class DnsForwarder {
  #servers: readonly { address: string; port: number }[] = []
  readonly #port: number
  readonly #own: OwnAnswer
  #datagrams: Datagrams | undefined
  #streams: Server | undefined
  #questions = 0

  /** @param servers addresses to ask, in order, and their port where it is not 53 */
  constructor(servers: readonly string[], own: OwnAnswer = () => undefined, port = 53) {
    this.#port = port
    this.#own = own
    this.servers = servers
  }

  /** Ask these from now on. */
  set servers(servers: readonly string[]) {
    this.#servers = servers.map((address) => ({ address, port: this.#port }))
  }

  /** Listen on an address, on a port that the system chooses. @returns that port */
  async listen(address: string): Promise<number> {
    const streams = createServer((guest) => this.#serveStream(guest))
    this.#streams = streams
    streams.maxConnections = mostQuestions
    streams.listen(0, address)
    await once(streams, 'listening')
    const { port } = streams.address() as { port: number }
    const datagrams = createSocket('udp4')
    this.#datagrams = datagrams
    datagrams.on('message', (message, guest) => {
      const reply = (answer: Buffer) => datagrams.send(answer, guest.port, guest.address, () => {})
      const question = readQuestion(message)
      const own = question && this.#own(message, question)
      if (own) reply(own)
      else this.#ask(message, question, 0, reply)
    })
    datagrams.bind(port, address)
    await once(datagrams, 'listening')
    datagrams.on('error', () => {})
    return port
  }

  async close(): Promise<void> {
    this.#datagrams?.close()
    const streams = this.#streams
    if (streams?.listening) await new Promise((done) => streams.close(done))
  }

  /** The first message decides: answered here, or the whole connection goes to a server. @see RFC 7766 */
  #serveStream(guest: Socket): void {
    let held = Buffer.alloc(0)
    guest.setTimeout(silenceMs, () => guest.destroy())
    guest.on('error', () => guest.destroy())
    const take = (chunk: Buffer) => {
      held = Buffer.concat([held, chunk])
      if (held.length < 2 || held.length < 2 + held.readUInt16BE(0)) return
      const message = held.subarray(2, 2 + held.readUInt16BE(0))
      const question = readQuestion(message)
      const own = question && this.#own(message, question)
      if (own) {
        held = held.subarray(2 + message.length)
        guest.write(Buffer.concat([Buffer.from([own.length >> 8, own.length & 255]), own]))
        if (held.length > 0) take(Buffer.alloc(0))
        return
      }
      guest.off('data', take)
      this.#relay(guest, held)
    }
    guest.on('data', take)
  }

  #relay(guest: Socket, first: Buffer): void {
    const [server] = this.#servers
    if (!server) return void guest.destroy()
    const upstream = connect({ host: server.address, port: server.port })
    upstream.setTimeout(silenceMs, () => upstream.destroy())
    upstream.on('error', () => guest.destroy())
    upstream.on('close', () => guest.destroy())
    guest.on('close', () => upstream.destroy())
    upstream.write(first)
    guest.pipe(upstream).pipe(guest)
  }

  /** Ask the server at this place of the list, and the next when it stays silent; at the list's end say that none answers. */
  #ask(message: Buffer, question: Question | undefined, at: number, reply: (answer: Buffer) => void): void {
    const server = this.#servers[at]
    if (!server) {
      if (question) reply(writeAnswer(message, question, answerCodes.serverFailure))
      return
    }
    if (this.#questions >= mostQuestions) return
    const socket = createSocket(isIPv6(server.address.split('%')[0]!) ? 'udp6' : 'udp4')
    this.#questions++
    let open = true
    const end = () => {
      if (!open) return false
      open = false
      this.#questions--
      clearTimeout(timer)
      socket.close()
      return true
    }
    const next = () => {
      if (end()) this.#ask(message, question, at + 1, reply)
    }
    const timer = setTimeout(next, patienceMs)
    socket.on('error', next)
    socket.on('message', (answer) => {
      if (answer.length >= 2 && answer.readUInt16BE(0) === message.readUInt16BE(0) && end()) reply(answer)
    })
    socket.connect(server.port, server.address, () => {
      if (open) socket.send(message)
    })
  }
}

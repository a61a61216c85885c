import { createSocket, type Socket as Datagrams } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, isIPv6, type Server } from 'node:net'

/** How long a server of the host has for its answer before the next one is asked. */
const patienceMs = 2000
/** Questions in flight; beyond, new ones are dropped and the guest asks again. */
const mostQuestions = 512

/**
 * Asks the host's name servers in the guests' place, where these are out of the guests' reach. Passes messages on as they
 * are, over UDP and TCP; each question has its own socket, so that answers cannot be confused or guessed easily.
 */
export class DnsForwarder {
  #servers: readonly { address: string; port: number }[]
  #datagrams: Datagrams | undefined
  #streams: Server | undefined
  #questions = 0

  /** @param servers addresses to ask, in order, with their port where it is not 53 */
  constructor(servers: readonly string[], port = 53) {
    this.#servers = servers.map((address) => ({ address, port }))
  }

  /** Ask these from now on. */
  set servers(servers: readonly string[]) {
    this.#servers = servers.map((address) => ({ address, port: 53 }))
  }

  /** Listen on an address, on a port that the system chooses. @returns that port */
  async listen(address: string): Promise<number> {
    const streams = createServer((guest) => {
      const [server] = this.#servers
      if (!server) return guest.destroy()
      const upstream = connect({ host: server.address, port: server.port })
      for (const [one, other] of [
        [guest, upstream],
        [upstream, guest],
      ] as const) {
        one.setTimeout(30_000, () => one.destroy())
        one.on('error', () => other.destroy())
        one.on('close', () => other.destroy())
      }
      guest.pipe(upstream).pipe(guest)
    })
    this.#streams = streams
    streams.maxConnections = mostQuestions
    streams.listen(0, address)
    await once(streams, 'listening')
    const { port } = streams.address() as { port: number }
    const datagrams = createSocket('udp4')
    this.#datagrams = datagrams
    datagrams.on('message', (question, guest) => {
      this.#ask(question, 0, (answer) => datagrams.send(answer, guest.port, guest.address))
    })
    datagrams.on('error', () => {})
    datagrams.bind(port, address)
    await once(datagrams, 'listening')
    return port
  }

  async close(): Promise<void> {
    this.#datagrams?.close()
    const streams = this.#streams
    if (streams) await new Promise((done) => streams.close(done))
  }

  /** Ask the server at this place of the list, and the next when it stays silent. */
  #ask(question: Buffer, at: number, reply: (answer: Buffer) => void): void {
    const server = this.#servers[at]
    if (!server || question.length < 12 || this.#questions >= mostQuestions) return
    const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4')
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
      if (end()) this.#ask(question, at + 1, reply)
    }
    const timer = setTimeout(next, patienceMs)
    socket.on('error', next)
    socket.on('message', (answer) => {
      if (answer.readUInt16BE(0) === question.readUInt16BE(0) && end()) reply(answer)
    })
    socket.connect(server.port, server.address, () => open && socket.send(question))
  }
}

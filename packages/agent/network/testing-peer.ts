import { createSocket } from 'node:dgram'
import { createServer, connect, type Socket } from 'node:net'

/**
 * The other side in network tests: `node testing-peer.ts <deed> …` inside a namespace. Each deed prints one line of JSON.
 *
 *   dhcp <mac>                       ask for a lease on the interface that 255.255.255.255 is routed to
 *   serve                            TCP 5001: takes what is sent, or sends what is asked for; DNS on port 53
 *   load <host> up|down <MiB> [from] time a TCP transfer with a serving peer, from an address of one's own
 *   ask <server> <name> [type] [from]  one DNS question over UDP, from a port of one's own
 */
const [deed = '', ...args] = process.argv.slice(2)

function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

function dhcpMessage(type: number, mac: string, options: number[] = []): Buffer {
  const message = Buffer.alloc(240)
  message.set([1, 1, 6, 0, 0x12, 0x34, 0x56, 0x78, 0, 0, 0x80, 0])
  message.set(
    mac.split(':').map((octet) => Number.parseInt(octet, 16)),
    28,
  )
  message.writeUInt32BE(0x63825363, 236)
  return Buffer.concat([message, Buffer.from([53, 1, type, 55, 5, 1, 3, 6, 15, 26, ...options, 255])])
}

function dhcpOptions(message: Buffer): Map<number, Buffer> {
  const options = new Map<number, Buffer>()
  for (let at = 240; at < message.length && message[at] !== 255;) {
    const length = message[at + 1]!
    options.set(message[at]!, message.subarray(at + 2, at + 2 + length))
    at += 2 + length
  }
  return options
}

function lease(mac: string): void {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  const send = (message: Buffer) => socket.send(message, 67, '255.255.255.255')
  const dotted = (bytes?: Buffer) => bytes && [...bytes.subarray(0, 4)].join('.')
  const started = performance.now()
  socket.on('message', (message) => {
    const options = dhcpOptions(message)
    const address = message.subarray(16, 20)
    if (options.get(53)?.[0] === 2) send(dhcpMessage(3, mac, [50, 4, ...address, 54, 4, ...options.get(54)!]))
    else if (options.get(53)?.[0] === 5) {
      socket.close()
      clearInterval(again)
      say({
        address: dotted(address),
        router: dotted(options.get(3)),
        dns: dotted(options.get(6)),
        domain: options.get(15)?.toString(),
        mtu: options.get(26)?.readUInt16BE(0),
        ms: Math.round(performance.now() - started),
      })
    }
  })
  let again: NodeJS.Timeout
  socket.bind(68, () => {
    socket.setBroadcast(true)
    send(dhcpMessage(1, mac))
    again = setInterval(() => send(dhcpMessage(1, mac)), 500)
  })
}

function dnsMessage(name: string, type: number): Buffer {
  const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)])
  return Buffer.from([0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, type, 0, 1])
}

/** Answers every question for an A record with 203.0.113.9, all others with "no such name". */
function dnsAnswer(question: Buffer): Buffer {
  const end = question.indexOf(0, 12) + 5
  const isA = question.readUInt16BE(end - 4) === 1
  const answer = isA ? [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, 9] : []
  const header = [question[0]!, question[1]!, 0x81, isA ? 0x80 : 0x83, 0, 1, 0, isA ? 1 : 0, 0, 0, 0, 0]
  return Buffer.concat([Buffer.from(header), question.subarray(12, end), Buffer.from(answer)])
}

function readDns(answer: Buffer): { code: number; answers: string[] } {
  const count = answer.readUInt16BE(6)
  const answers: string[] = []
  let at = answer.indexOf(0, 12) + 5
  for (let i = 0; i < count; i++) {
    at += answer[at]! >= 0xc0 ? 2 : answer.indexOf(0, at) - at + 1
    const length = answer.readUInt16BE(at + 8)
    const data = answer.subarray(at + 10, at + 10 + length)
    answers.push(length === 4 ? [...data].join('.') : data.toString('latin1').replaceAll(/[^ -~]+/g, '.'))
    at += 10 + length
  }
  return { code: answer[3]! & 15, answers }
}

function serve(): void {
  createServer((socket: Socket) => {
    socket.on('error', () => socket.destroy())
    let taken = 0
    socket.once('data', (first: Buffer) => {
      const [verb, amount] = first.subarray(0, first.indexOf(10)).toString('latin1').split(' ')
      const bytes = Number(amount)
      taken = first.length - first.indexOf(10) - 1
      const check = () => {
        if (taken >= bytes) socket.end('done')
      }
      if (verb === 'up') {
        socket.on('data', (chunk) => {
          taken += chunk.length
          check()
        })
        return check()
      }
      const piece = Buffer.alloc(262_144, 7)
      let left = bytes
      const more = () => {
        while (left > 0) {
          left -= piece.length
          if (!socket.write(piece)) return
        }
        socket.end()
      }
      socket.on('drain', more)
      more()
    })
  }).listen(5001)
  const socket = createSocket('udp4')
  socket.on('message', (question, from) => socket.send(dnsAnswer(question), from.port, from.address))
  socket.bind(53, () => say({ serving: true }))
}

function load(host: string, way: string, bytes: number, localAddress?: string): void {
  const socket = connect({ port: 5001, host, ...(localAddress ? { localAddress } : {}) })
  let began = 0
  let taken = 0
  const finish = () => say({ mbits: Math.round((bytes * 8) / 1e3 / (performance.now() - began)) })
  socket.on('error', (error) => say({ error: error.message }))
  socket.once('connect', () => {
    began = performance.now()
    socket.write(`${way} ${bytes}\n`)
    if (way === 'up') {
      const piece = Buffer.alloc(262_144, 7)
      let left = bytes
      const more = () => {
        while (left > 0) {
          left -= piece.length
          if (!socket.write(piece)) return
        }
      }
      socket.on('drain', more)
      more()
    }
  })
  socket.on('data', (chunk) => {
    taken += chunk.length
    if (way === 'up' || taken >= bytes) {
      finish()
      socket.destroy()
    }
  })
}

function ask(server: string, name: string, type: number, from: number): void {
  const socket = createSocket('udp4')
  const send = () => socket.send(dnsMessage(name, type), 53, server)
  const again = setInterval(send, 1000)
  socket.on('message', (answer) => {
    clearInterval(again)
    socket.close()
    say(readDns(answer))
  })
  socket.bind(from, send)
}

setTimeout(
  () => {
    say({ error: 'timed out' })
    process.exit(1)
  },
  Number(process.env['PEER_TIMEOUT_MS'] ?? 10_000),
).unref()
if (deed === 'dhcp') lease(args[0]!)
else if (deed === 'serve') serve()
else if (deed === 'load') load(args[0]!, args[1]!, Number(args[2]) * 1_048_576, args[3])
else if (deed === 'ask') ask(args[0]!, args[1]!, Number(args[2] ?? 1), Number(args[3] ?? 0))

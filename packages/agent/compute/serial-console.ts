import { connect, type Socket } from 'node:net'
import type { ConsoleLog } from './console-log.ts'

/** Someone who looks at a serial console. */
export interface ConsoleReader {
  /** Bytes sent to the reader that it has not taken yet. */
  pendingBytes(): number
  send(chunk: Buffer): void
  /** The console ended, or the reader was too slow. */
  end(reason: string): void
}

/** A reader that is this far behind is let go, so that it cannot fill the agent's memory. */
const maxPendingBytes = 4 * 1024 * 1024
/** Keystrokes that the guest has not taken; more are dropped as a full UART drops them. */
const maxTypedBytes = 256 * 1024

/**
 * A guest's serial console. QEMU serves one client at a time, so the agent holds that one connection and serves any number
 * of readers; all that is typed goes to the guest.
 */
export class SerialConsole {
  readonly #log: ConsoleLog
  readonly #readers = new Set<ConsoleReader>()
  #socket: Socket | undefined

  constructor(log: ConsoleLog) {
    this.#log = log
  }

  /** Connect to QEMU's socket. Resolves when connected. */
  connect(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect({ path })
      socket.once('connect', () => {
        this.#socket = socket
        resolve()
      })
      socket.once('error', reject)
      socket.on('data', (chunk: Buffer) => this.#output(chunk))
      socket.on('close', () => (this.#socket = undefined))
    })
  }

  /** The last output. */
  past(): Buffer {
    return this.#log.read()
  }

  /** Give the reader what was kept, then everything new. Gives the way to stop that. */
  attach(reader: ConsoleReader): () => void {
    const past = this.#log.read()
    if (past.length > 0) reader.send(past)
    this.#readers.add(reader)
    return () => void this.#readers.delete(reader)
  }

  /** Type into the guest. */
  write(data: Buffer): void {
    const socket = this.#socket
    if (socket && socket.writableLength < maxTypedBytes) socket.write(data)
  }

  /** Let go of the socket and of all readers; what was kept stays. */
  close(reason: string): void {
    this.#socket?.destroy()
    for (const reader of this.#readers) reader.end(reason)
    this.#readers.clear()
    this.#log.close()
  }

  /** Let go and forget what was kept. */
  discard(): void {
    this.close('the virtual machine is gone')
    this.#log.remove()
  }

  #output(chunk: Buffer): void {
    try {
      this.#log.append(chunk)
    } catch {
      // A full disk must not take the console away.
    }
    for (const reader of this.#readers) {
      if (reader.pendingBytes() > maxPendingBytes) {
        this.#readers.delete(reader)
        reader.end('too slow: the output is produced faster than it is read')
      } else reader.send(chunk)
    }
  }
}

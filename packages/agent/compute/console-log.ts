import { closeSync, fstatSync, mkdirSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** How much of a console's past is kept: 1 MiB. */
export const keptBytes = 1024 * 1024

/**
 * The last output of a serial console, on disk rather than in the agent's memory, so that it also outlives the agent.
 *
 * Two files take turns: when the current one holds {@link keptBytes} it becomes the older one.
 */
export class ConsoleLog {
  readonly #path: string
  #file: number | undefined
  #size = 0

  constructor(path: string) {
    this.#path = path
  }

  append(chunk: Buffer): void {
    const file = this.#open()
    writeSync(file, chunk)
    this.#size += chunk.length
    if (this.#size < keptBytes) return
    this.close()
    renameSync(this.#path, `${this.#path}.1`)
  }

  /** The last output, at most {@link keptBytes}. */
  read(): Buffer {
    const older = readEnd(`${this.#path}.1`, keptBytes)
    const current = readEnd(this.#path, keptBytes)
    const both = Buffer.concat([older, current])
    return both.length > keptBytes ? both.subarray(both.length - keptBytes) : both
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }

  remove(): void {
    this.close()
    rmSync(this.#path, { force: true })
    rmSync(`${this.#path}.1`, { force: true })
  }

  #open(): number {
    if (this.#file !== undefined) return this.#file
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 })
    this.#file = openSync(this.#path, 'a', 0o600)
    this.#size = fstatSync(this.#file).size
    return this.#file
  }
}

function readEnd(path: string, most: number): Buffer {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    return Buffer.alloc(0)
  }
  try {
    const { size } = fstatSync(file)
    const length = Math.min(size, most)
    const buffer = Buffer.alloc(length)
    return buffer.subarray(0, readSync(file, buffer, 0, length, size - length))
  } finally {
    closeSync(file)
  }
}

import { open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** How much is kept, and for how long. */
export interface AuditFileSettings {
  /** A file is closed and a new one begun at this size, and at this age. */
  maxBytes: number
  maxAgeMs: number
  /** Closed files that are kept beside the current one. */
  keep: number
  /** What may wait for the disk; lines beyond are counted and dropped. */
  bufferBytes: number
  flushMs: number
}

const defaults: AuditFileSettings = {
  maxBytes: 64 * 1024 * 1024,
  maxAgeMs: 24 * 3600 * 1000,
  keep: 10,
  bufferBytes: 8 * 1024 * 1024,
  flushMs: 500,
}

/** Lines of the audit log are being lost, or were and are no longer. */
export type AuditOutage = { began: unknown } | { ended: number }

/**
 * A file of lines that never makes a request wait. Its folder must be there.
 *
 * Lines are collected in memory and written in batches. When the disk does not keep up or is full, lines are dropped and
 * counted rather than memory taken without bound.
 */
export class AuditFile {
  readonly #path: string
  readonly #settings: AuditFileSettings
  #lines: string[] = []
  #bytes = 0
  #dropped = 0
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> | undefined
  #file: FileHandle | undefined
  #size = 0
  #openedAt = 0
  #lastError: unknown
  /** A batch may have been written in part: what follows must not continue its last line. */
  #broken = false
  #lostInOutage = 0
  readonly #onOutage: (outage: AuditOutage) => void

  /** @param onOutage called when lines begin to be lost, and when they are written again */
  constructor(
    path: string,
    settings: Partial<AuditFileSettings> = {},
    onOutage: (outage: AuditOutage) => void = () => {},
  ) {
    this.#path = path
    this.#settings = { ...defaults, ...settings }
    this.#onOutage = onOutage
  }

  /** Lines that were dropped since the start. */
  get dropped(): number {
    return this.#dropped
  }

  /** Why the last write failed; undefined while all is well. */
  get lastError(): unknown {
    return this.#lastError
  }

  /** Take a line, without its line end. */
  add(line: string): void {
    if (this.#bytes + line.length > this.#settings.bufferBytes) {
      this.#dropped += 1
      return
    }
    this.#lines.push(line)
    this.#bytes += line.length + 1
    if (this.#bytes > this.#settings.bufferBytes / 8) void this.flush()
    else this.#timer ??= setTimeout(() => void this.flush(), this.#settings.flushMs).unref()
  }

  /** Write what has been taken. Never throws: see {@link lastError}. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writing ??= this.#drain().finally(() => {
      this.#writing = undefined
    })
    return this.#writing
  }

  /** Write the rest and close. */
  async close(): Promise<void> {
    await this.#writing
    await this.flush()
    await this.#file?.close().catch(() => undefined)
    this.#file = undefined
  }

  async #drain(): Promise<void> {
    while (this.#lines.length > 0) {
      const lines = this.#lines
      const bytes = this.#bytes
      this.#lines = []
      try {
        await this.#rotateIfDue()
        const data = Buffer.from(`${this.#broken ? '\n' : ''}${lines.join('\n')}\n`)
        await (await this.#current()).appendFile(data)
        this.#size += data.length
        this.#recovered()
      } catch (error) {
        this.#failed(error, lines.length)
        await this.#file?.close().catch(() => undefined)
        this.#file = undefined
      }
      this.#bytes -= bytes
    }
  }

  #failed(error: unknown, lines: number): void {
    if (this.#lostInOutage === 0) this.#onOutage({ began: error })
    this.#lastError = error
    this.#dropped += lines
    this.#lostInOutage += lines
    this.#broken = true
  }

  #recovered(): void {
    if (this.#lostInOutage > 0) this.#onOutage({ ended: this.#lostInOutage })
    this.#lastError = undefined
    this.#lostInOutage = 0
    this.#broken = false
  }

  async #current(): Promise<FileHandle> {
    if (this.#file) return this.#file
    const file = await open(this.#path, 'a', 0o600)
    const { size, birthtimeMs } = await file.stat()
    this.#file = file
    this.#size = size
    this.#openedAt = size === 0 ? Date.now() : birthtimeMs
    return file
  }

  async #rotateIfDue(): Promise<void> {
    await this.#current()
    const due = this.#size >= this.#settings.maxBytes || Date.now() - this.#openedAt > this.#settings.maxAgeMs
    if (!due || this.#size === 0) return
    await this.#file?.close()
    this.#file = undefined
    await rename(this.#path, await this.#freeName())
    const prefix = `${basename(this.#path)}.`
    const closed = (await readdir(dirname(this.#path))).filter((name) => name.startsWith(prefix)).sort()
    for (const name of closed.slice(0, Math.max(0, closed.length - this.#settings.keep)))
      await rm(join(dirname(this.#path), name), { force: true })
  }

  async #freeName(): Promise<string> {
    for (let count = 0; ; count++) {
      const name = `${this.#path}.${new Date().toISOString().replaceAll(':', '-')}.${String(count).padStart(3, '0')}`
      const taken = await stat(name).then(
        () => true,
        () => false,
      )
      if (!taken) return name
    }
  }
}

import { Worker } from 'node:worker_threads'
import { ApiError, type Reason } from '@thresher/api/error'
import { sizes } from '../limits/sizes.ts'
import { parseYaml } from './yaml.ts'

export interface YamlRequest {
  id: number
  text: string
}

export type YamlReply = { id: number; json: string } | { id: number; reason: Reason; message: string }

/** Milliseconds in which a document must be read; what takes longer is no manifest. */
const longestMs = 5000
/** Documents of one sender that wait at once. */
const perSender = 2
/** The thread ends when nothing came for so long, and gives its memory back. */
const idleMs = 30_000
/** MiB of memory of the thread; the largest body that is allowed takes half of it. */
const threadMiB = 256

interface Waiting {
  id: number
  sender: string
  text: string
  resolve(value: unknown): void
  reject(error: Error): void
}

/**
 * Reads YAML: small documents on the spot, larger ones one after the other in a thread.
 *
 * A manifest of 1 MiB takes half a second to read, in which a single-threaded server would answer nobody.
 */
export class YamlReader {
  readonly #waiting: Waiting[] = []
  #worker: Worker | undefined
  #current: Waiting | undefined
  #timer: NodeJS.Timeout | undefined
  #ids = 0

  /** @param sender who is answered for the wait: each may have few documents waiting. @throws {ApiError} */
  async read(body: Buffer, sender: string): Promise<unknown> {
    const text = body.toString()
    if (body.length <= sizes.yamlInlineBytes) return parseYaml(text)
    const own = this.#waiting.filter((one) => one.sender === sender).length
    if (own >= perSender)
      throw new ApiError('TooManyRequests', 'your other YAML documents are still being read; try again, or send JSON', {
        details: { retryAfterSeconds: 1 },
      })
    return new Promise((resolve, reject) => {
      this.#waiting.push({ id: ++this.#ids, sender, text, resolve, reject })
      this.#next()
    })
  }

  /** End the thread. */
  close(): void {
    this.#end(new ApiError('ServiceUnavailable', 'the server is stopping'))
  }

  #next(): void {
    if (this.#current) return
    clearTimeout(this.#timer)
    const next = this.#waiting.shift()
    if (!next) {
      this.#timer = setTimeout(() => this.#end(new Error('idle')), idleMs).unref()
      return
    }
    this.#current = next
    this.#timer = setTimeout(
      () => this.#end(new ApiError('BadRequest', 'the YAML takes too long to read; send it as JSON')),
      longestMs,
    )
    this.#worker ??= this.#start()
    this.#worker.postMessage({ id: next.id, text: next.text } satisfies YamlRequest)
  }

  #start(): Worker {
    const worker = new Worker(new URL('./yaml-thread.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: threadMiB },
      // Its parts are TypeScript as well; nothing of what it prints is expected.
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    worker.unref()
    worker.on('message', (reply: YamlReply) => this.#answer(reply))
    // Out of memory, above all.
    worker.on('error', () => {
      if (worker === this.#worker)
        this.#end(new ApiError('BadRequest', 'the YAML is too large to read; send it as JSON'))
    })
    return worker
  }

  #answer(reply: YamlReply): void {
    const current = this.#current
    if (current?.id !== reply.id) return
    this.#current = undefined
    if ('json' in reply) current.resolve(JSON.parse(reply.json))
    else current.reject(new ApiError(reply.reason, reply.message))
    this.#next()
  }

  /** End the thread and what it was at; the next document gets another. */
  #end(error: Error): void {
    clearTimeout(this.#timer)
    const [worker, current] = [this.#worker, this.#current]
    this.#worker = undefined
    this.#current = undefined
    void worker?.terminate()
    current?.reject(error)
    if (this.#waiting.length > 0) this.#next()
  }
}

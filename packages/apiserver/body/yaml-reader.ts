import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
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
/** The process ends when nothing came for so long, and gives its memory back. */
const idleMs = 30_000
/** MiB of memory of the process; the largest body that is allowed takes half of it. */
const processMiB = 256
const program = fileURLToPath(new URL('./yaml-program.ts', import.meta.url))

interface Waiting {
  id: number
  sender: string
  text: string
  resolve(value: unknown): void
  reject(error: Error): void
}

/**
 * Reads YAML: small documents on the spot, larger ones one after the other in a process of their own.
 *
 * A manifest of 1 MiB takes half a second to read, in which a single-threaded server would answer nobody. A thread would do for
 * that, but V8 ends the whole process when a thread that is out of memory allocates on before it can be stopped, and it takes
 * a document of 1 MiB to bring it there.
 */
export class YamlReader {
  readonly #waiting: Waiting[] = []
  #process: ChildProcess | undefined
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

  /** End the process. */
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
    this.#process ??= this.#start()
    // What cannot be sent, as to a process that is just ending, is answered when it has ended.
    this.#process.send({ id: next.id, text: next.text } satisfies YamlRequest, () => {})
  }

  #start(): ChildProcess {
    const child = fork(program, {
      execArgv: [`--max-old-space-size=${processMiB}`, '--disable-warning=ExperimentalWarning'],
      // It needs nothing of ours, and what it prints as it ends is for nobody.
      env: {},
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    child.unref()
    child.channel?.unref()
    child.on('message', (reply) => this.#answer(reply as YamlReply))
    const lost = (message: string): void => {
      if (child === this.#process) this.#end(new ApiError('BadRequest', message))
    }
    child.once('error', () => lost('the YAML cannot be read now; send it as JSON'))
    // Out of memory, above all.
    child.once('exit', () => lost('the YAML is too large to read; send it as JSON'))
    return child
  }

  #answer(reply: YamlReply): void {
    const current = this.#current
    if (current?.id !== reply.id) return
    this.#current = undefined
    if ('json' in reply) current.resolve(JSON.parse(reply.json))
    else current.reject(new ApiError(reply.reason, reply.message))
    this.#next()
  }

  /** End the process and what it was at; the next document gets another. */
  #end(error: Error): void {
    clearTimeout(this.#timer)
    const [child, current] = [this.#process, this.#current]
    this.#process = undefined
    this.#current = undefined
    child?.kill('SIGKILL')
    current?.reject(error)
    if (this.#waiting.length > 0) this.#next()
  }
}

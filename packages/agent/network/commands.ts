import { execFile, spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { NetworkError } from './network-driver.ts'

/** What a program said. */
export interface Output {
  code: number
  stdout: string
  stderr: string
}

export interface RunOptions {
  /** Written to its standard input. */
  input?: string
  env?: Record<string, string>
  /** Give the exit code back instead of throwing when it is not 0. */
  mayFail?: boolean
  /** 30 seconds unless given. */
  timeoutMs?: number
}

/** Which Debian package brings a program that the network needs. */
const packages: Record<string, string> = {
  ip: 'iproute2',
  nft: 'nftables',
  'ovsdb-tool': 'openvswitch-common',
  'ovsdb-server': 'openvswitch-common',
  'ovs-vswitchd': 'openvswitch-switch',
  'ovn-northd': 'ovn-central',
  'ovn-controller': 'ovn-host',
}

/** Where system programs are, for callers whose PATH has no sbin. */
const searchPath = [process.env['PATH'], '/usr/local/sbin', '/usr/sbin', '/sbin'].filter(Boolean).join(':')
const environment = { ...process.env, PATH: searchPath }

/** Runs programs and reads kernel settings in one network namespace of the host. */
export class Commands {
  readonly #netns: string | undefined

  /** @param netns path of a network namespace, such as `/run/netns/h1`; this process's own unless given */
  constructor(netns?: string) {
    this.#netns = netns
  }

  #command(program: string, args: readonly string[]): [string, ...string[]] {
    return this.#netns ? ['nsenter', `--net=${this.#netns}`, program, ...args] : [program, ...args]
  }

  /** @throws {NetworkError} `MissingProgram`; `CommandFailed` with what the program said */
  run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Output> {
    const [file, ...argv] = this.#command(program, args)
    return new Promise((done, fail) => {
      const child = execFile(
        file,
        argv,
        {
          env: { ...environment, ...options.env },
          timeout: options.timeoutMs ?? 30_000,
          maxBuffer: 64 * 1024 * 1024,
        },
        (error, stdout, stderr) => {
          if (error && 'syscall' in error) return fail(cannotRun(program, error))
          const code = typeof error?.code === 'number' ? error.code : error ? 128 : 0
          if (code !== 0 && !options.mayFail) {
            const said = stderr.trim() || stdout.trim() || (error?.killed ? 'no answer in time' : `exit code ${code}`)
            return fail(new NetworkError('CommandFailed', `${program} ${args.join(' ')}: ${said}`, { cause: error }))
          }
          done({ code, stdout, stderr })
        },
      )
      child.stdin?.on('error', () => {})
      child.stdin?.end(options.input)
    })
  }

  /** Run a program that reports for as long as it runs, line by line. Resolves at its end, which the signal brings about. */
  follow(program: string, args: readonly string[], onLine: (line: string) => void, signal: AbortSignal): Promise<void> {
    // It ends with this process, also when that is killed.
    const [file, ...argv] = this.#command('setpriv', ['--pdeathsig', 'KILL', '--', program, ...args])
    return new Promise((done) => {
      const child = spawn(file, argv, { env: environment, stdio: ['ignore', 'pipe', 'ignore'], signal })
      child.once('error', () => done())
      child.once('close', () => done())
      createInterface({ input: child.stdout }).on('line', onLine)
    })
  }

  /** One of the kernel's settings: `net.ipv4.ip_forward`. */
  async setting(name: string): Promise<string> {
    const path = settingPath(name)
    return (this.#netns ? (await this.run('cat', [path])).stdout : await readFile(path, 'utf8')).trim()
  }

  /** Change one of the kernel's settings. */
  async changeSetting(name: string, value: string): Promise<void> {
    const path = settingPath(name)
    if (this.#netns) await this.run('tee', [path], { input: value })
    else await writeFile(path, value)
  }
}

function cannotRun(program: string, cause: Error & { code?: unknown }): NetworkError {
  const brings = packages[program]
  const remedy = brings && cause.code === 'ENOENT' ? `: install the package ${brings}` : `: ${cause.message}`
  return new NetworkError('MissingProgram', `cannot run ${program}${remedy}`, { cause })
}

function settingPath(name: string): string {
  return `/proc/sys/${name.replaceAll('.', '/')}`
}

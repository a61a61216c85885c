import { execFile, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { isAlive, type ProcessIdentity } from './process-identity.ts'
import { commonEntries, runEntries, viewTable, type RunEntries, type ViewEntry } from './view-mounts.ts'

const run = promisify(execFile)
const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' }
const limitMs = 10_000

/** A view of the host that one QEMU can be started in; disposing of it leaves it to those that are in it. */
export interface OpenView extends AsyncDisposable {
  /** What starts a program in it: put before the program and its arguments. */
  enter: string[]
  /** Resolves when a program that was started so is in the view, or has ended. Keep the view until then. */
  entered(process: ProcessIdentity): Promise<void>
}

/**
 * What QEMU sees of the host: a mount namespace of its own whose root holds nothing but what QEMU needs and what is its run's. Other
 * runs' folders, the host's secrets and other users' processes are not there to be opened.
 *
 * The mount points stand in one folder of the host's, which holds nothing; what is mounted on them is seen in each run's namespace alone.
 *
 * @see mount_namespaces(7), unshare(1), nsenter(1)
 */
export class GuestView {
  readonly #root: string
  #common: ViewEntry[]

  private constructor(root: string) {
    this.#root = root
    this.#common = commonEntries.filter(({ path }) => existsSync(path))
  }

  /**
   * Make the mount points and try whether a program can be started behind them.
   *
   * @param root the folder for them, root's own
   * @throws {Error} with what this host does not allow
   */
  static async prepare(root: string): Promise<GuestView> {
    const view = new GuestView(root)
    view.#makeMountPoints()
    try {
      await view.#prove()
    } catch {
      // Some containers may not mount /proc; QEMU does without.
      view.#common = view.#common.filter(({ as }) => as !== 'processes')
      await view.#prove()
    }
    return view
  }

  async #prove(): Promise<void> {
    await using view = await this.open({ own: [], writable: [], readOnly: [] })
    const [program = '', ...args] = view.enter
    await run(program, [...args, 'true'], { env: environment, timeout: limitMs })
  }

  /** Open a view for one run. @throws {Error} with mount's words */
  async open(entries: RunEntries): Promise<OpenView> {
    // Holds the namespace until QEMU is in it, and ends when this process does: its input ends then.
    const holder = spawn('unshare', ['--mount', '--propagation', 'slave', '--', 'cat'], {
      env: environment,
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd: '/',
    })
    const exited = once(holder, 'exit').then(
      () => {},
      () => {},
    )
    const close = async (): Promise<void> => {
      holder.stdin.end()
      await exited
    }
    try {
      await isUnshared(holder, exited)
      const namespace = `/proc/${holder.pid}/ns/mnt`
      await this.#mount(namespace, [...this.#common, ...runEntries(entries)])
      return {
        enter: ['nsenter', `--mount=${namespace}`, '--', 'chroot', this.#root],
        entered: async (process) => {
          const own = readlinkSync(namespace)
          while (isAlive(process) && namespaceOf(process.pid) !== own) await delay(2)
        },
        [Symbol.asyncDispose]: close,
      }
    } catch (error) {
      await close()
      throw error
    }
  }

  async #mount(namespace: string, entries: ViewEntry[]): Promise<void> {
    const table = `${this.#root}.${randomBytes(6).toString('hex')}.fstab`
    writeFileSync(table, viewTable(this.#root, entries), { mode: 0o600, flag: 'wx' })
    try {
      const mount = ['mount', '--no-mtab', '--all', '--fstab', table]
      await run('nsenter', [`--mount=${namespace}`, '--', ...mount], { env: environment, timeout: limitMs })
    } finally {
      rmSync(table, { force: true })
    }
  }

  #makeMountPoints(): void {
    mkdirSync(this.#root, { recursive: true, mode: 0o755 })
    // Where /bin and the like are links into /usr, they are here too.
    for (const name of ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32']) {
      const found = lstatSync(`/${name}`, { throwIfNoEntry: false })
      if (found?.isDirectory()) this.#common.push({ path: `/${name}`, as: 'read-only' })
      else if (found && !lstatSync(join(this.#root, name), { throwIfNoEntry: false }))
        symlinkSync(readlinkSync(`/${name}`), join(this.#root, name))
    }
    for (const { path } of this.#common) {
      const point = join(this.#root, path)
      mkdirSync(statSync(path).isDirectory() ? point : dirname(point), { recursive: true, mode: 0o755 })
      if (!statSync(path).isDirectory()) closeSync(openSync(point, 'a', 0o600))
    }
  }
}

function namespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`)
  } catch {
    return undefined
  }
}

/** Resolves when the holder has its namespace: then it gives back what it is given. @throws {Error} when it cannot have one */
async function isUnshared(holder: ChildProcessWithoutNullStreams, exited: Promise<void>): Promise<void> {
  let words = ''
  holder.stderr.setEncoding('utf8').on('data', (text: string) => (words += text))
  holder.stdin.on('error', () => {})
  const ready = once(holder.stdout, 'data').then(() => true)
  holder.stdin.write('.')
  if (await Promise.race([ready, exited.then(() => false)])) return
  throw new Error(`no mount namespace can be made: ${words.trim() || 'unshare cannot be started'}`)
}

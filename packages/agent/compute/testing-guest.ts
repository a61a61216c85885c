import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { OpenVolumes } from '../storage/open-volumes.ts'
import type { BlockNode } from '../storage/volume-driver.ts'
import { connectMonitor } from './connect-monitor.ts'
import { mergeLayers, openDisks, switchLayers } from './open-disks.ts'
import type { QmpClient } from './qmp.ts'

const run = promisify(execFile)

/** A QEMU that has volumes open as a guest's drives, and through which a test writes and reads what the guest would. */
export class TestGuest implements OpenVolumes, AsyncDisposable {
  readonly qmp: QmpClient
  readonly #process: ChildProcess
  readonly #folder: string
  readonly #handles: readonly string[]

  private constructor(process: ChildProcess, folder: string, qmp: QmpClient, handles: readonly string[]) {
    this.#process = process
    this.#folder = folder
    this.qmp = qmp
    this.#handles = handles
  }

  /**
   * @param disks what the driver published, by the volume's handle
   * @param isWritten whether {@link io} shall work: then drives cannot grow, for an export keeps its size
   */
  static async start(disks: Record<string, BlockNode>, isWritten = true): Promise<TestGuest> {
    const folder = mkdtempSync(join(tmpdir(), 'guest-'))
    const args = ['-machine', 'q35', '-S', '-nodefaults', '-display', 'none', '-accel', 'tcg', '-m', '16']
    args.push('-qmp', 'stdio', '-qmp', `unix:${join(folder, 'qmp')},server=on,wait=off`)
    for (const { blockdevs, nodeName } of Object.values(disks)) {
      for (const blockdev of blockdevs) args.push('-blockdev', JSON.stringify(blockdev))
      // Written through its export as well.
      args.push(
        '-device',
        JSON.stringify({ driver: 'virtio-blk-pci', id: `disk-${nodeName}`, drive: nodeName, 'share-rw': true }),
      )
    }
    const process = spawn('qemu-system-x86_64', args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const ready = untilEvent(process, isWritten ? Object.keys(disks).length + 2 : 1)
    const say = (execute: string, options: object = {}): void =>
      void process.stdin.write(`${JSON.stringify({ execute, arguments: options })}\n`)
    say('qmp_capabilities')
    if (isWritten) say('nbd-server-start', { addr: { type: 'unix', data: { path: join(folder, 'nbd') } } })
    for (const [handle, { nodeName }] of isWritten ? Object.entries(disks) : [])
      say('block-export-add', {
        type: 'nbd',
        id: `export-${nodeName}`,
        'node-name': nodeName,
        name: handle,
        writable: true,
      })
    await ready
    const qmp = await connectMonitor(
      join(folder, 'qmp'),
      globalThis.process.getuid?.() ?? 0,
      AbortSignal.timeout(10_000),
    )
    return new TestGuest(process, folder, qmp, Object.keys(disks))
  }

  /** Where QEMU's tools find a drive. */
  urlOf(handle: string): string {
    return `nbd+unix:///${handle}?socket=${join(this.#folder, 'nbd')}`
  }

  /** Commands of qemu-io on a drive. @throws {Error} when a pattern differs */
  async io(handle: string, ...commands: string[]): Promise<void> {
    const args = ['-f', 'raw', ...commands.flatMap((command) => ['-c', command]), this.urlOf(handle)]
    const { stdout } = await run('qemu-io', args)
    if (/verification failed|error/i.test(stdout)) throw new Error(stdout)
  }

  /** The names of the files of a drive's chain, the one that is written first. */
  async files(handle: string): Promise<string[]> {
    const disk = (await openDisks(this.qmp))[this.#handles.indexOf(handle)]
    return disk?.files.map((file) => file.split('/').at(-1) ?? '') ?? []
  }

  /** End it as a power cut does. */
  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    this.#process.kill('SIGKILL')
    await once(this.#process, 'exit')
  }

  async resize({ handle }: { handle: string }, bytes: number): Promise<boolean> {
    const disk = (await openDisks(this.qmp))[this.#handles.indexOf(handle)]
    if (disk) await this.qmp.execute('block_resize', { 'node-name': disk.nodeName, size: bytes })
    return disk !== undefined
  }

  async switchLayers(switches: Parameters<OpenVolumes['switchLayers']>[0]) {
    const own = switches.filter(({ volume }) => this.#handles.includes(volume.handle))
    await switchLayers(this.qmp, own)
    return { switched: own.map(({ volume }) => volume.handle), frozen: false }
  }

  async mergeLayers(merge: Parameters<OpenVolumes['mergeLayers']>[0], signal: AbortSignal): Promise<boolean> {
    if (!this.#handles.includes(merge.volume.handle)) return false
    await mergeLayers(this.qmp, merge, signal)
    return true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.qmp.close()
    await this.kill()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** Resolves when QEMU has answered so many commands. @throws {Error} with its answer when it refused one */
function untilEvent(process: ChildProcess, answers: number): Promise<void> {
  let said = ''
  return new Promise((resolve, reject) => {
    process.once('exit', () => reject(new Error(`QEMU ended: ${said}`)))
    process.stdout?.on('data', (chunk) => {
      said += chunk
      if (said.includes('"error"')) reject(new Error(said))
      if (said.split('"return"').length > answers) resolve()
    })
  })
}

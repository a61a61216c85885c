import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, mkdirSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { confinement } from '../compute/process.ts'
import { trustedSocket } from '../compute/trusted-socket.ts'
import { waitForSocket } from '../compute/wait-for-socket.ts'
import type { FileOwner } from '../storage/storage-folders.ts'
import type { BlockNode } from '../storage/volume-driver.ts'

const startMs = 30_000
/** The name of the one export. */
export const exportName = 'disk'

export interface ExportOptions {
  /** Below it each export has a folder of its own. */
  folder: string
  /** As whom QEMU opens the files, beside the groups that the node needs. */
  user: FileOwner
  writable?: boolean
}

/** A disk behind a socket; disposing of it ends the server. */
export interface DiskExport extends AsyncDisposable {
  socket: string
}

/**
 * Serve a disk's files by NBD, in a program of QEMU's that runs as another user without any privilege: what a guest has made of
 * its files is read there and nowhere else. It ends with this process.
 *
 * @throws {Error} with the program's words
 */
export async function exportDisk(node: BlockNode, { folder, user, writable }: ExportOptions): Promise<DiskExport> {
  const own = join(folder, randomBytes(8).toString('hex'))
  mkdirSync(own, { recursive: true, mode: 0o700 })
  if (isRoot()) chownSync(own, user.uid, user.gid)
  const socket = join(own, 'nbd')
  const child = start(node, socket, user, writable === true)
  const dispose = async (): Promise<void> => {
    child.kill('SIGKILL')
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    rmSync(own, { recursive: true, force: true })
  }
  try {
    await listening(child, socket)
    trustedSocket(socket, isRoot() ? user.uid : process.getuid!())
    return { socket, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}

function start(node: BlockNode, socket: string, user: FileOwner, writable: boolean): ChildProcess {
  const server = [
    'qemu-storage-daemon',
    ...node.blockdevs.flatMap((blockdev) => ['--blockdev', JSON.stringify(blockdev)]),
    '--nbd-server',
    `addr.type=unix,addr.path=${socket}`,
    '--export',
    `type=nbd,id=export,node-name=${node.nodeName},name=${exportName},allocation-depth=on,writable=${writable ? 'on' : 'off'}`,
  ]
  const groups = [...new Set([user.gid, ...(node.groups ?? [])])]
  const as = isRoot() ? ['setpriv', ...confinement({ ...user, groups }), '--pdeathsig=KILL', '--'] : []
  return spawn('nice', ['-n', '10', ...as, ...server], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
  })
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

/** Only root can run a program as somebody else. */
const isRoot = (): boolean => process.getuid?.() === 0

async function listening(child: ChildProcess, socket: string): Promise<void> {
  let words = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-2000)))
  const ended = new AbortController()
  child.once('error', (error) => ended.abort(error))
  child.once('close', () =>
    ended.abort(new Error(`the disk's files cannot be opened: ${words.trim() || 'QEMU said nothing'}`)),
  )
  const late = setTimeout(
    () => ended.abort(new Error('the disk’s files could not be opened in time; is the host busy?')),
    startMs,
  )
  try {
    await waitForSocket(socket, ended.signal)
    // Its file is there a moment before QEMU listens on it.
    while (!(await answers(socket))) await sleep(1, undefined, { signal: ended.signal })
  } finally {
    clearTimeout(late)
  }
}

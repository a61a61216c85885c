import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { allocation, ExportSource } from './export-source.ts'
import { NbdClient } from './nbd-client.ts'

const MiB = 1024 * 1024
let folder: string
const started: ChildProcess[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'thresher-nbd-'))
})
afterEach(async () => {
  for (const child of started.splice(0)) {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  rmSync(folder, { recursive: true, force: true })
})

/** A chain of qcow2 files of 64 MiB; each layer's commands are of qemu-io. */
function chain(...layers: string[][]): string {
  let below: string | undefined
  for (const [index, commands] of layers.entries()) {
    const file = join(folder, `${index}.qcow2`)
    const on = below ? ['-b', below, '-F', 'qcow2'] : []
    execFileSync('qemu-img', [
      'create',
      '-q',
      '-f',
      'qcow2',
      '-o',
      'extended_l2=on,cluster_size=128k',
      ...on,
      file,
      '64M',
    ])
    if (commands.length > 0)
      execFileSync('qemu-io', ['-f', 'qcow2', ...commands.flatMap((one) => ['-c', one]), file], { stdio: 'ignore' })
    below = file
  }
  return below!
}

async function serve(file: string, writable = false): Promise<string> {
  const socket = join(folder, 'nbd')
  const child = spawn('qemu-storage-daemon', [
    '--blockdev',
    JSON.stringify({
      driver: 'qcow2',
      'node-name': 'd',
      'read-only': !writable,
      file: { driver: 'file', filename: file },
    }),
    '--nbd-server',
    `addr.type=unix,addr.path=${socket}`,
    '--export',
    `type=nbd,id=e,node-name=d,name=disk,allocation-depth=on,writable=${writable ? 'on' : 'off'}`,
  ])
  started.push(child)
  while (!existsSync(socket)) {
    if (child.exitCode !== null) throw new Error('the server did not start')
    await new Promise((done) => setTimeout(done, 5))
  }
  return socket
}

test('data, zeros and what changed since a file below are told apart, and read', async () => {
  const file = chain(
    ['write -P 1 0 4M', 'write -P 2 32M 1M'],
    ['write -P 3 1M 64k'],
    ['write -P 4 10M 4k', 'write -z 2M 1M'],
  )
  const socket = await serve(file)
  const source = await ExportSource.connect(socket, 'disk', 2)
  expect(source.bytes).toBe(64 * MiB)
  const touched = async (extents: AsyncIterable<{ offset: number; length: number }>): Promise<number[]> => {
    const found = new Set<number>()
    for await (const { offset, length } of extents)
      for (let at = offset; at < offset + length; at += 4096) found.add(Math.floor(at / MiB))
    return [...found].sort((a, b) => a - b)
  }
  expect(await touched(source.data())).toEqual([0, 1, 3, 10, 32])
  expect(await touched(source.changes!())).toEqual([1, 2, 10])
  const parts = await Promise.all([0, MiB, 2 * MiB, 32 * MiB, 40 * MiB].map((offset) => source.read(offset, MiB)))
  expect(parts.map((part) => [part[0], part[70_000], part[MiB - 1]])).toEqual([
    [1, 1, 1],
    [3, 1, 1],
    [0, 0, 0],
    [2, 2, 2],
    [0, 0, 0],
  ])
  source.close()
})

test('an export or a context that is not there is said so, and a server that ends fails what was asked', async () => {
  const socket = await serve(chain(['write -P 1 0 4M']))
  await expect(NbdClient.connect(socket, 'other', [allocation])).rejects.toThrow(/refuses|other/)
  await expect(NbdClient.connect(socket, 'disk', ['qemu:dirty-bitmap:none'])).rejects.toThrow(
    'knows no qemu:dirty-bitmap',
  )
  const client = await NbdClient.connect(socket, 'disk', [allocation])
  const [child] = started
  child!.kill('SIGKILL')
  await once(child!, 'exit')
  await expect(client.read(0, 4096)).rejects.toThrow(/closed|EPIPE|ECONNRESET/)
  client.close()
})

test('what is written is there, and what cannot be written is refused', async () => {
  const socket = await serve(chain([]), true)
  const client = await NbdClient.connect(socket, 'disk', [allocation])
  await Promise.all([1, 2, 3].map((at) => client.write(at * MiB, Buffer.alloc(MiB, at))))
  await client.flush()
  const read = await client.read(0, 5 * MiB)
  expect([0, 1, 2, 3, 4].map((at) => read[at * MiB + 5])).toEqual([0, 1, 2, 3, 0])
  await expect(client.write(64 * MiB, Buffer.alloc(4096))).rejects.toThrow(/EOF|error/)
  client.close()
})

import { connect, type Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { Run } from '../compute/run.ts'

/** More than this not yet taken by a viewer, and the guest's side is no longer read. */
const highWater = 1024 * 1024

/** Join a viewer with the guest's serial console: what was kept first, then both ways. */
export function serveConsole(viewer: WebSocket, run: Run): void {
  const detach = run.console.attach({
    pendingBytes: () => viewer.bufferedAmount,
    send: (chunk) => viewer.send(chunk, { binary: true }),
    end: (reason) => viewer.close(1001, reason.slice(0, 120)),
  })
  viewer.on('message', (data) => run.console.write(bytesOf(data)))
  viewer.on('close', detach)
  viewer.on('error', detach)
}

/** Join a viewer with a socket of the host, such as QEMU's VNC server or a port of the guest. */
export function serveSocket(viewer: WebSocket, socket: Socket): void {
  const resume = (): void => {
    if (viewer.bufferedAmount < highWater / 2) socket.resume()
  }
  socket.on('data', (chunk) => {
    viewer.send(chunk, { binary: true }, resume)
    if (viewer.bufferedAmount > highWater) socket.pause()
  })
  viewer.on('message', (data) => {
    if (!socket.write(bytesOf(data))) {
      viewer.pause()
      socket.once('drain', () => viewer.resume())
    }
  })
  socket.on('close', () => viewer.close(1000))
  socket.on('error', () => socket.destroy())
  viewer.on('close', () => socket.destroy())
  viewer.on('error', () => socket.destroy())
}

/** Connect, or say that nobody listens. @throws {Error} with the system's reason */
export function openSocket(target: { path: string } | { host: string; port: number }): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(target)
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer within 10 s')))
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.setTimeout(0)
      socket.removeListener('error', reject)
      resolve(socket)
    })
  })
}

function bytesOf(data: Buffer | ArrayBuffer | Buffer[]): Buffer {
  if (Buffer.isBuffer(data)) return data
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)
}

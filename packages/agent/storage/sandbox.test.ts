import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runConfined } from './sandbox.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'thresher-confined-'))
  chmodSync(folder, 0o777)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const shell = (script: string, confinement = {}, signal?: AbortSignal) =>
  runConfined('sh', ['-c', script], confinement, { cwd: folder, signal })

describe('a confined program', () => {
  it('is nice, gets no new privileges and keeps none of the agent’s environment', async () => {
    const { code, out } = await shell('nice; grep NoNewPrivs /proc/self/status; env | sort')
    expect(code).toBe(0)
    expect(out).toMatch(/^1\d\nNoNewPrivs:\s+1\n/)
    expect(out).not.toContain('HOME=')
  })

  it.skipIf(process.getuid?.() !== 0)('runs as the user it is given and reads nobody’s secrets', async () => {
    const told = await shell('id -u; id -G; cat /etc/shadow', { user: { uid: 65534, gid: 65534 } })
    expect(told.out).toBe('65534\n65534\n')
    expect(told.errors).toContain('Permission denied')
  })

  it('writes no larger file than it may', async () => {
    const told = await shell('dd if=/dev/zero of=big bs=64k count=64', { fileBytes: 1024 * 1024 })
    expect(told.code).not.toBe(0)
    expect(readFileSync(join(folder, 'big')).length).toBe(1024 * 1024)
  })

  it('ends with the signal', async () => {
    const stop = new AbortController()
    const running = shell('sleep 60', {}, stop.signal)
    setTimeout(() => stop.abort(new Error('enough')), 50)
    await expect(running).rejects.toThrow('enough')
  })

  it('ends when the agent is killed', async () => {
    const script = `
      const { runConfined } = await import(${JSON.stringify(join(import.meta.dirname, 'sandbox.ts'))})
      await runConfined('sh', ['-c', 'echo $$ > pid; exec sleep 60'], {}, { cwd: ${JSON.stringify(folder)} })`
    const agent = spawn(process.execPath, ['--input-type=module', '-e', script])
    const pidFile = join(folder, 'pid')
    while (!existsSync(pidFile) || readFileSync(pidFile, 'utf8') === '')
      await new Promise((done) => setTimeout(done, 5))
    agent.kill('SIGKILL')
    await once(agent, 'exit')
    const alive = () => execFileSync('ps', ['-A', '-o', 'pid='], { encoding: 'utf8' }).split(/\s+/)
    const pid = readFileSync(pidFile, 'utf8').trim()
    const end = Date.now() + 60_000
    while (alive().includes(pid) && Date.now() < end) await new Promise((done) => setTimeout(done, 10))
    expect(alive()).not.toContain(pid)
  })
})

import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { identityOf, isAlive } from '@thresher/agent/compute/process-identity'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { validate } from '@thresher/apiserver/schema/structural'
import { commands } from './commands.ts'
import { completionScript, wordsAfter } from './completion.ts'
import { requireFreePort } from './host/installation.ts'
import { lockInstallation } from './host/lock.ts'
import { missingPackages } from './host/packages.ts'
import { readPidFile, startDetached, stopProcess } from './host/process.ts'
import { keepSettings, readSettings } from './host/settings.ts'
import { bytes, columns, duration } from './output/columns.ts'
import { machineManifest } from '@thresher/api/kubevirt/machine-manifest'
import { sshArguments } from './vm/ssh.ts'

const folder = mkdtempSync(join(tmpdir(), 'thresher-cli-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Run the command line as a user does. */
function thresher(args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const main = join(import.meta.dirname, 'main.ts')
  const own = ['--data-dir', join(folder, 'none'), '--run-dir', join(folder, 'none')]
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', main, ...own, ...args],
      (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    )
  })
}

describe('the command line', () => {
  it('has help for every command', async () => {
    for (const { path, summary } of commands.filter((one) => !one.passOptions)) {
      const { code, stdout } = await thresher([...path, '--help'])
      expect(code, path.join(' ')).toBe(0)
      expect(stdout.replaceAll(/\s+/g, ' '), path.join(' ')).toContain(summary)
    }
  }, 120_000)

  it('says in one sentence how to get a kubeconfig when there is none', async () => {
    const { code, stderr } = await thresher(['vm', 'list'])
    expect(code).toBe(1)
    expect(stderr.trim().split('\n')).toEqual([expect.stringMatching(/no kubeconfig at .*thresher up/)])
  })

  it('shows what is stopped and how to start it', async () => {
    const { stdout } = await thresher(['status'])
    expect(stdout).toMatch(/server\s+stopped/)
    expect(stdout).toContain('thresher up')
    expect(JSON.parse((await thresher(['status', '-o', 'json'])).stdout)).toEqual({
      server: { running: false },
      agent: { running: false },
    })
  })
})

describe('completion', () => {
  it('knows the words after each beginning', () => {
    const words = wordsAfter(commands)
    expect(words.get('')).toContain('vm')
    expect(words.get('vm')).toEqual(expect.arrayContaining(['create', 'list', 'ssh']))
    expect(words.get('vm create')).toContain('--image')
  })

  it('completes in bash', async () => {
    const script = join(folder, 'completion.bash')
    writeFileSync(script, completionScript('bash', commands))
    const probe = join(folder, 'probe.bash')
    const ask = (line: string[]) =>
      `COMP_WORDS=(${line.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${line.length - 1}; _thresher; echo "\${COMPREPLY[*]}"`
    writeFileSync(
      probe,
      ['source "$1"', ask(['thresher', 'vm', 'cr']), ask(['thresher', 'vm', 'create', '--me']), ''].join('\n'),
    )
    const answer = await new Promise<string>((resolve, reject) =>
      execFile('bash', [probe, script], (error, stdout) => (error ? reject(error) : resolve(stdout))),
    )
    expect(answer).toBe('create\n--memory\n')
  })
})

describe('the host', () => {
  it('refuses a port that another program holds, naming the option to change', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    await expect(requireFreePort('127.0.0.1', port, '--listen')).rejects.toThrow(
      `(pid ${process.pid}). Free it, or choose another with --listen.`,
    )
    await new Promise((resolve) => server.close(resolve))
    await expect(requireFreePort('127.0.0.1', port, '--listen')).resolves.toBeUndefined()
  })

  it('is changed by one command at a time, and by the next one however the first one ended', async () => {
    const paths = { app: folder, dataDir: folder, runDir: folder }
    const script = `
      import { lockInstallation } from ${JSON.stringify(join(import.meta.dirname, 'host/lock.ts'))}
      globalThis.held = lockInstallation(${JSON.stringify(paths)}, 'thresher down')
      console.log('held'); setInterval(() => {}, 1000)`
    const other = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    await new Promise((resolve) => other.stdout.once('data', resolve))
    const ended = new Promise((resolve) => other.once('exit', resolve))
    try {
      expect(() => lockInstallation(paths, 'thresher up')).toThrow(`thresher down (pid ${other.pid}) is at work`)
    } finally {
      other.kill('SIGKILL')
      await ended
    }
    lockInstallation(paths, 'thresher up')[Symbol.dispose]()
  })

  it('keeps its settings by a schema, with a version', () => {
    const own = mkdtempSync(join(folder, 'settings-'))
    const paths = { app: own, dataDir: own, runDir: own }
    const file = join(own, 'settings.json')
    keepSettings(paths, readSettings(paths, { listen: '192.0.2.1:7443' }))
    expect(readSettings(paths).listen).toBe('192.0.2.1:7443')
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ version: 1 })
    expect(() => readSettings(paths, { agentPort: 99_999 })).toThrow('--agent-port must be a number')
    const write = (text: string) => writeFileSync(file, text)
    write('{"listen":"192.0.2.1:7443"}')
    expect(readSettings(paths).listen).toBe('192.0.2.1:7443')
    write('{"version":1,"agentPort":"x"}')
    expect(() => readSettings(paths)).toThrow(`${file}: agentPort must be integer`)
    write('{"version":2}')
    expect(() => readSettings(paths)).toThrow('is of version 2, and this Thresher knows version 1')
    write('{"ver')
    expect(() => readSettings(paths)).toThrow('is damaged')
  })

  it('names packages that are missing, but not those whose program is there from elsewhere', async () => {
    const missing = await missingPackages([
      { name: 'no-such-package-of-debian', why: 'to see that it is missed' },
      { name: 'another-missing-package', why: 'its program is there', unlessProgram: 'sh' },
    ])
    expect(missing.map((one) => one.name)).toEqual(['no-such-package-of-debian'])
  })

  it('tells a process from a later one with the same number', async () => {
    const pidFile = join(folder, 'sleeper.pid')
    const started = await startDetached({
      program: 'sleep',
      args: ['60'],
      logFile: join(folder, 'sleeper.log'),
      pidFile,
    })
    expect(readPidFile(pidFile)).toEqual(started)
    writeFileSync(pidFile, `${started.pid} 1\n`)
    expect(readPidFile(pidFile)).toBeUndefined()
    expect(await stopProcess(started, 5000)).toBe(true)
    expect(isAlive(started)).toBe(false)
  })

  it('insists when a process does not end', async () => {
    const child = spawn('bash', ['-c', 'trap "" TERM; echo ready; while :; do sleep 1; done'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    const gone = new Promise((resolve) => child.once('exit', resolve))
    expect(await stopProcess(identityOf(child.pid!)!, 200)).toBe(false)
    await gone
  })
})

describe('what is printed', () => {
  it('aligns columns and shortens numbers', () => {
    expect(
      columns(
        ['NAME', 'SIZE'],
        [
          ['a', '1'],
          ['long-name', '22'],
        ],
      ),
    ).toBe('NAME       SIZE\na          1\nlong-name  22')
    expect([bytes(512), bytes(1536), bytes(3 * 2 ** 30)]).toEqual(['512 B', '1.5 KiB', '3.0 GiB'])
    expect([duration(5), duration(600), duration(7500), duration(200_000)]).toEqual(['5s', '10m', '2h5m', '2d7h'])
  })
})

describe('vm create', () => {
  const options = {
    name: 'web',
    namespace: 'default',
    cpus: 2,
    memory: '1Gi',
    image: { name: 'default/debian', storageClass: 'lh-1' },
    disk: '10Gi',
    keys: [{ name: 'me', publicKey: 'ssh-ed25519 AAAA me' }],
    runStrategy: 'RerunOnFailure',
    efi: true,
  }

  it('writes a manifest that fits the schema, with the disk as a claim template and the key in the user data', () => {
    const manifest = machineManifest(options)
    expect(validate(VirtualMachine.schema, { ...manifest, metadata: {} })).toEqual([])
    const [claim] = JSON.parse(manifest.metadata.annotations['harvesterhci.io/volumeClaimTemplates'])
    expect(claim).toMatchObject({ metadata: { name: 'web-disk-0' }, spec: { storageClassName: 'lh-1' } })
    expect(JSON.stringify(manifest.spec)).toContain('ssh-ed25519 AAAA me')
  })

  it('gives ssh its own file of host keys and never a shell line', () => {
    const args = sshArguments({ address: '10.52.0.9', user: 'root', knownHosts: '/k' }, ['echo', '$HOME; rm'])
    expect(args).toContain('UserKnownHostsFile=/k')
    expect(args.slice(-3)).toEqual(['--', 'echo', '$HOME; rm'])
  })
})

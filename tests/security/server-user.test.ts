import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ensurePki } from '@thresher/apiserver/pki/ensure'
import { formatKubeconfig } from '@thresher/apiserver/pki/kubeconfig'
import { takeCredentials, takeFirstAdministrator, readyServer } from '@thresher/cli/host/credentials'
import { filesOf, type Paths } from '@thresher/cli/paths'
import { loadOwnKubeconfig } from '@thresher/client/node/kubeconfig'
import { writeBootstrap, writeFirstAdministrator } from '@thresher/server/bootstrap'

/** An unprivileged user, as the server's is. Tests run as root. */
const serverUid = 65_534
const settings = {
  listen: '0.0.0.0:6443',
  nodeName: 'n1',
  agentPort: 10250,
  guestSubnet: '10.52.0.0/16',
  guestUids: '1900000000-1900065535',
  openToGuests: '',
  services: 'supervisor' as const,
  role: 'management' as const,
}

describe('who has the server’s user', () => {
  let paths: Paths
  let bootstrap: string

  beforeEach(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'server-user-'))
    paths = { app: folder, dataDir: folder, runDir: join(folder, 'run') }
    const files = filesOf(paths)
    bootstrap = files.serverBootstrap
    const pki = await ensurePki(join(files.serverData, 'pki'), { names: [], addresses: [] })
    await writeBootstrap({ dataDir: files.serverData, nodeName: 'n1', serverUrl: 'https://127.0.0.1:6443', pki })
    await writeFirstAdministrator(files.serverData, { name: 'admin', password: 'a-long-password' })
    mkdirSync(files.agentData)
    for (const name of readdirSync(bootstrap)) chownSync(join(bootstrap, name), serverUid, serverUid)
    chownSync(bootstrap, serverUid, serverUid)
  })
  afterEach(() => rmSync(paths.dataDir, { recursive: true, force: true }))

  /** Put something in the place of one of the server's files, as its user could. */
  function plant(name: string, content: string): void {
    writeFileSync(join(bootstrap, name), content)
    chownSync(join(bootstrap, name), serverUid, serverUid)
  }

  it('cannot write what root reads: credentials are made anew, belong to root and are for root alone', async () => {
    const files = filesOf(paths)
    writeFileSync(files.adminKubeconfig, 'of an earlier version')
    chownSync(files.adminKubeconfig, serverUid, serverUid)
    expect(await takeCredentials(paths, settings, serverUid)).toBe(true)
    for (const file of [
      files.adminKubeconfig,
      ...['agent.kubeconfig', 'agent.crt', 'agent.key', 'ca.crt'].map((name) => join(files.agentData, name)),
    ]) {
      const { uid, mode } = lstatSync(file)
      expect({ file, uid, mode: mode & 0o777 }).toEqual({ file, uid: 0, mode: 0o600 })
    }
    expect(loadOwnKubeconfig(files.adminKubeconfig).server).toBe('https://127.0.0.1:6443')
    expect(await takeCredentials(paths, settings, serverUid)).toBe(false)
  })

  it('cannot have a program run by an exec user in the administrator’s kubeconfig', async () => {
    const exec = 'apiVersion: v1\nusers: [{name: thresher, user: {exec: {command: /bin/sh, args: [-c, id]}}}]\n'
    plant('admin.kubeconfig', exec)
    await takeCredentials(paths, settings, serverUid)
    expect(readFileSync(filesOf(paths).adminKubeconfig, 'utf8')).not.toContain('exec')
    plant('admin.crt', exec)
    await expect(takeCredentials(paths, settings, serverUid)).rejects.toThrow('admin.crt is not a certificate')
  })

  it('smuggles nothing in behind a certificate or a key', async () => {
    plant('admin.crt', `${readFileSync(join(bootstrap, 'admin.crt'), 'utf8')}\nusers: [{exec: x}]\n`)
    plant('agent.key', `${readFileSync(join(bootstrap, 'agent.key'), 'utf8')}\nmore\n`)
    await takeCredentials(paths, settings, serverUid)
    const files = filesOf(paths)
    expect(readFileSync(join(files.agentData, 'agent.key'), 'utf8')).toMatch(
      /^-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n$/,
    )
    expect(loadOwnKubeconfig(files.adminKubeconfig).cert?.toString()).toMatch(/END CERTIFICATE-----\n$/)
  })

  it('cannot exchange whom a certificate names', async () => {
    for (const end of ['crt', 'key']) plant(`node-n1.${end}`, readFileSync(join(bootstrap, `admin.${end}`), 'utf8'))
    await expect(takeCredentials(paths, settings, serverUid)).rejects.toThrow('node-n1.crt is not for system:node:n1')
  })

  it('cannot have root read other files for it, by links or by second names', () => {
    const secret = join(paths.dataDir, 'secret')
    writeFileSync(secret, '7', { mode: 0o600 })
    const ready = join(bootstrap, 'ready')
    symlinkSync(secret, ready)
    expect(() => readyServer(paths, serverUid)).toThrow('is a link')
    rmSync(ready)
    linkSync(secret, ready)
    expect(() => readyServer(paths, serverUid)).toThrow('belongs to user 0')
  })

  it('cannot make root wait for ever or read without end', () => {
    const ready = join(bootstrap, 'ready')
    spawnSync('mkfifo', [ready])
    expect(() => readyServer(paths, serverUid)).toThrow('is not a plain file')
    rmSync(ready)
    plant('ready', 'x'.repeat(1000))
    expect(() => readyServer(paths, serverUid)).toThrow('is larger than 32 bytes')
  })

  it('cannot write to the administrator’s terminal', () => {
    expect(takeFirstAdministrator(paths, serverUid)).toEqual({ name: 'admin', password: 'a-long-password' })
    expect(existsSync(join(bootstrap, 'first-administrator.json'))).toBe(false)
    plant('first-administrator.json', JSON.stringify({ name: 'admin', password: '\u001b]0;x\u0007' }))
    expect(() => takeFirstAdministrator(paths, serverUid)).toThrow('is not what it must be')
  })
})

describe('a local user', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'local-user-'))
    chmodSync(folder, 0o755)
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const kubeconfig = formatKubeconfig({ server: 'https://127.0.0.1:1', ca: 'x', name: 'n', token: 't' })

  it('cannot give root a kubeconfig by owning, opening or linking it, nor by owning a folder on the way', () => {
    const file = join(folder, 'agent.kubeconfig')
    writeFileSync(file, kubeconfig, { mode: 0o600 })
    expect(loadOwnKubeconfig(file).token).toBe('t')
    chmodSync(file, 0o666)
    expect(() => loadOwnKubeconfig(file)).toThrow('may be written to by others')
    chmodSync(file, 0o600)
    chownSync(file, serverUid, serverUid)
    expect(() => loadOwnKubeconfig(file)).toThrow(`belongs to user ${serverUid}`)
    chownSync(file, 0, 0)
    chmodSync(folder, 0o777)
    expect(() => loadOwnKubeconfig(file)).toThrow(`${folder} may be written to by others`)
    chmodSync(folder, 0o755)
    chownSync(folder, serverUid, serverUid)
    expect(() => loadOwnKubeconfig(file)).toThrow(`${folder} belongs to user ${serverUid}`)
  })

  it('cannot have the agent read files that a kubeconfig names', () => {
    const file = join(folder, 'agent.kubeconfig')
    writeFileSync(file, kubeconfig.replace('token: t', 'tokenFile: /etc/shadow'), { mode: 0o600 })
    expect(() => loadOwnKubeconfig(file)).toThrow('must hold the data itself')
  })
})

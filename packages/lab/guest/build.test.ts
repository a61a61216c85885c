import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildGuestImage, type GuestImage } from './build.ts'

const cacheDir = join(tmpdir(), 'thresher-guest')
const execute = promisify(execFile)

let image: GuestImage
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'thresher-boot-'))
  image = await buildGuestImage({ cacheDir })
}, 300_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the guest image', () => {
  it('is small, and costs nothing the second time', async () => {
    const said: string[] = []
    expect(await buildGuestImage({ cacheDir, log: (message) => said.push(message) })).toEqual(image)
    expect(said).toEqual([])
    expect(image.sizeBytes).toBeLessThan(25 * 1024 * 1024)
    expect(image.sha512).toMatch(/^[0-9a-f]{128}$/)
  })
})

describe('a guest', () => {
  const key = () => join(folder, 'key')
  let guest: ChildProcess
  let sshPort: number

  beforeAll(async () => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key()])
    const publicKey = readFileSync(`${key()}.pub`, 'utf8').trim()
    writeSeed({
      'meta-data': 'instance-id: i-1\nlocal-hostname: from-meta-data\n',
      'user-data': `#cloud-config
hostname: alpha
ssh_authorized_keys:
  - ${publicKey}
chpasswd:
  list: |
    root:secret
  expire: false
write_files:
  - path: /etc/motd
    permissions: '0640'
    content: |
      first
        second
runcmd:
  - [sh, -c, "echo 'a, b' > /root/ran"]
`,
      'network-config': `version: 2
ethernets:
  first:
    match: { macaddress: "52:54:00:00:00:01" }
    addresses: [10.0.2.15/24]
    gateway4: 10.0.2.2
    nameservers:
      addresses:
        - 10.0.2.3
    mtu: 1400
`,
    })
    const disk = join(folder, 'disk.qcow2')
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', image.path, '-F', 'qcow2', disk, '512M'])
    sshPort = await freePort()
    guest = start(disk, sshPort)
  })

  afterAll(async () => {
    if (guest.exitCode !== null || guest.signalCode !== null) return
    guest.kill('SIGKILL')
    await once(guest, 'exit')
  })

  it('lets in who holds the key of its seed, and is set up as the seed says', async () => {
    const said = await ssh(
      'hostname; cat /etc/motd /root/ran; stat -c %a /etc/motd; df -m / | tail -1; cat /sys/class/net/eth0/mtu /etc/resolv.conf; ip route',
    )
    expect(said).toMatch(/^alpha\nfirst\n {2}second\na, b\n640\n/)
    expect(said).toContain('1400\nnameserver 10.0.2.3\n')
    expect(said).toContain('default via 10.0.2.2')
    const megabytes = Number(/vda2\s+(\d+)/.exec(said)?.[1])
    expect(megabytes).toBeGreaterThan(400)
  }, 90_000)

  it('runs the guest agent', async () => {
    const socket = await connected(join(folder, 'ga.sock'))
    socket.write('{"execute":"guest-get-host-name"}\n')
    expect(await line(socket)).toBe('{"return": {"host-name": "alpha"}}')
    socket.destroy()
  })

  it('asks for a login on its serial port and takes the password', async () => {
    const socket = await connected(join(folder, 'serial.sock'))
    socket.write('\n')
    await until(socket, 'login: ')
    socket.write('root\n')
    await until(socket, 'Password: ')
    socket.write('secret\n')
    await until(socket, '# ')
    socket.destroy()
  })

  it('ends when its power button is pressed', async () => {
    const socket = await connected(join(folder, 'qmp.sock'))
    socket.write('{"execute":"qmp_capabilities"}\n{"execute":"system_powerdown"}\n')
    await once(guest, 'exit')
    expect(guest.exitCode).toBe(0)
  }, 30_000)

  function writeSeed(files: Record<string, string>): void {
    const seed = join(folder, 'seed')
    mkdirSync(seed)
    for (const [name, content] of Object.entries(files)) writeFileSync(join(seed, name), content)
    execFileSync('genisoimage', ['-quiet', '-output', `${seed}.iso`, '-volid', 'cidata', '-joliet', '-rock', seed])
  }

  function start(disk: string, port: number): ChildProcess {
    const socket = (name: string) => `socket,id=${name},path=${join(folder, `${name}.sock`)},server=on,wait=off`
    return spawn(
      'qemu-system-x86_64',
      [
        '-nodefaults',
        '-no-user-config',
        '-display',
        'none',
        '-machine',
        'q35',
        '-cpu',
        'max',
        '-m',
        '160M',
        '-accel',
        'tcg,thread=multi,tb-size=64',
        '-chardev',
        socket('serial'),
        '-serial',
        'chardev:serial',
        '-qmp',
        `unix:${join(folder, 'qmp.sock')},server=on,wait=off`,
        '-device',
        'virtio-serial-pci',
        '-chardev',
        socket('ga'),
        '-device',
        'virtserialport,chardev=ga,name=org.qemu.guest_agent.0',
        '-drive',
        `file=${disk},if=virtio,format=qcow2`,
        '-drive',
        `file=${join(folder, 'seed.iso')},if=virtio,format=raw,readonly=on`,
        '-netdev',
        `user,id=n0,hostfwd=tcp:127.0.0.1:${port}-:22`,
        '-device',
        'virtio-net-pci,netdev=n0,mac=52:54:00:00:00:01,romfile=',
      ],
      { stdio: 'inherit' },
    )
  }

  /** Try until the guest lets us in. */
  async function ssh(command: string): Promise<string> {
    const options = [
      'BatchMode=yes',
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'LogLevel=ERROR',
      'ConnectTimeout=3',
    ]
    const args = [
      ...options.flatMap((option) => ['-o', option]),
      '-i',
      key(),
      '-p',
      String(sshPort),
      'root@127.0.0.1',
      command,
    ]
    const end = Date.now() + 80_000
    for (;;) {
      try {
        return (await execute('ssh', args, { timeout: 10_000 })).stdout
      } catch (error) {
        if (Date.now() > end) throw error
        await new Promise((resolve) => setTimeout(resolve, 300))
      }
    }
  }
})

describe('the seed reader', () => {
  const awk = (script: string, file: string, input: string) => {
    const work = mkdtempSync(join(folder, 'seed-'))
    writeFileSync(join(work, file), input)
    const busybox = join(cacheDir, 'unpacked/busybox-static/bin/busybox')
    const program = join(import.meta.dirname, 'rootfs/usr/lib/guest', script)
    const out = execFileSync(busybox, ['awk', '-f', program, file], { cwd: work, encoding: 'utf8' })
    const read = (name: string) => (existsSync(join(work, name)) ? readFileSync(join(work, name), 'utf8') : '')
    return { out, read }
  }
  const publicKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFoo me@host'

  it.each([
    ['a quoted line', `runcmd:\n- "echo \\"x\\" > /y"\n`, 'echo "x" > /y\n'],
    ['a list in brackets', `runcmd:\n  - [ sh, -c, 'a b' ]\n`, ` 'sh' '-c' 'a b'\n`],
    ['a nested list', `runcmd:\n  - - sh\n    - -c\n    - it's\n  - next\n`, `'sh' '-c' 'it'\\''s'\nnext\n`],
    ['a block', `runcmd:\n  - |\n    one\n      two\n\n    three\n  - four\n`, 'one\n  two\n\nthree\n\nfour\n'],
    ['a script instead of cloud-config', `#!/bin/sh\necho hi\n`, '#!/bin/sh\necho hi\n'],
  ])('takes commands from %s', (_, input, expected) => {
    expect(awk('user-data.awk', 'user-data', input).read('script')).toBe(expected)
  })

  it.each([
    ['password', '#cloud-config\npassword: "s3: cret"\n', 'root:s3: cret\n'],
    ['chpasswd list', 'chpasswd:\n  expire: false\n  list: |\n    root:a:b\n', 'root:a:b\n\n'],
    ['chpasswd users', 'chpasswd:\n  users:\n    - name: root\n      password: x\n      type: text\n', 'root:x\n'],
    ['users', 'users:\n  - name: ann\n    plain_text_passwd: y\n', 'ann:y\n'],
  ])('takes passwords from %s', (_, input, expected) => {
    expect(awk('user-data.awk', 'user-data', input).read('passwords')).toBe(expected)
  })

  it.each([
    ['the top', `ssh_authorized_keys:\n  - ${publicKey}\n`],
    ['a list in brackets', `ssh_authorized_keys: ["${publicKey}"]\n`],
    ['a user', `users:\n  - default\n  - name: ann\n    ssh_authorized_keys:\n      - "${publicKey}"\n`],
  ])('takes keys from %s', (_, input) => {
    expect(awk('user-data.awk', 'user-data', input).read('keys')).toBe(`${publicKey}\n`)
  })

  it.each([
    ['YAML', `instance-id: i-1\nlocal-hostname: "web"\npublic-keys:\n  - ${publicKey}\n`],
    ['JSON', `{"instance-id":"i-1","local-hostname":"web","public-keys":{"0":"${publicKey}"}}\n`],
  ])('takes meta-data in %s', (_, input) => {
    const { read } = awk('meta-data.awk', 'meta-data', input)
    expect([read('instance-id'), read('local-hostname'), read('keys')]).toEqual(['i-1\n', 'web\n', `${publicKey}\n`])
  })

  it('takes cards, addresses, routes and name servers from network-config', () => {
    const { out } = awk(
      'network-config.awk',
      'network-config',
      `network:
  version: 2
  ethernets:
    eth0:
      match:
        macaddress: 52:54:00:AA:00:01
      dhcp4: true
    eth1:
      dhcp4: false
      mtu: 1442
      addresses:
        - 192.168.5.2/24
        - "192.168.5.3/24"
      routes:
        - to: default
          via: 192.168.5.1
        - to: 10.9.0.0/16
          via: 192.168.5.9
      nameservers:
        search: [lab]
        addresses: [1.1.1.1, 9.9.9.9]
`,
    )
    const [first, second] = out
      .trim()
      .split('\n')
      .map((text) => text.split('|').map((part) => part.trim().replace(/ +/g, ' ')))
    expect(first).toEqual(['eth0', '52:54:00:aa:00:01', 'yes', '', '', '', '', ''])
    expect(second).toEqual([
      'eth1',
      '',
      '',
      '192.168.5.2/24 192.168.5.3/24',
      '192.168.5.1',
      '1442',
      '1.1.1.1 9.9.9.9',
      '10.9.0.0/16,192.168.5.9',
    ])
  })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

async function connected(path: string): Promise<Socket> {
  const socket = connect(path)
  await once(socket, 'connect')
  return socket
}

async function line(socket: Socket): Promise<string> {
  return (await until(socket, '\n')).trim()
}

function until(socket: Socket, words: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    const timer = setTimeout(() => reject(new Error(`no ${JSON.stringify(words)} in: ${said}`)), 15_000)
    const take = (piece: Buffer) => {
      said += piece.toString()
      if (!said.includes(words)) return
      clearTimeout(timer)
      socket.off('data', take)
      resolve(said)
    }
    socket.on('data', take)
  })
}

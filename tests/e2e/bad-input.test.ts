import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { bareWordsShown } from '@thresher/client/testing-words'
import { execute } from '@thresher/lab/run'
import { Product } from './product.ts'

const product = new Product()
const servers: Server[] = []
const images = product.client.resource(VirtualMachineImage)

/** A misbehaving web server on this machine's end of the uplink. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((done) => server.listen(0, product.info.outside, done))
  return `http://${product.info.outside}:${(server.address() as AddressInfo).port}/disk.img`
}

/** Import and wait for the word on it; then delete it, which must leave nothing. */
async function importing(name: string, url: string, extra: Record<string, unknown> = {}): Promise<string> {
  await images.create({
    metadata: { name, namespace: 'default' },
    spec: { displayName: name, sourceType: 'download', url, retry: 0, ...extra },
  } as never)
  let message = ''
  await product.until(VirtualMachineImage, name, (image) => {
    const condition = image?.status?.conditions?.find(
      (one) => one.type === 'Imported' && one.status === 'False' && one.message,
    )
    message = condition?.message ?? ''
    // A full disk is no failure of the image: its import waits for room.
    return message !== '' && ((image?.status?.failed ?? 0) > 0 || condition?.reason === 'NoSpace')
  })
  await images.delete(name, 'default')
  await product.until(VirtualMachineImage, name, (image) => image === undefined)
  return message
}

const serveBytes = (bytes: Buffer) =>
  serve((_request, response) => void response.writeHead(200, { 'content-length': bytes.length }).end(bytes))

async function qcow2(args: string[]): Promise<Buffer> {
  const file = join(product.info.dataDir, `bad-${Math.random().toString(36).slice(2)}.qcow2`)
  const made = await execute('qemu-img', [
    'create',
    '-q',
    '-f',
    'qcow2',
    ...args.map((arg) => (arg === 'FILE' ? file : arg)),
  ])
  expect(made.stderr).toBe('')
  const { readFileSync } = await import('node:fs')
  return readFileSync(file)
}

describe('an image that cannot be imported says why', () => {
  afterAll(() => {
    for (const server of servers) {
      server.closeAllConnections()
      server.close()
    }
  })

  it('when the server has no such file', async () => {
    const url = await serve((_request, response) => void response.writeHead(404).end())
    expect(await importing('missing', url)).toContain('404')
  })

  it('when the server announces more than it sends', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 1_000_000 })
      response.write(Buffer.alloc(1000))
      setTimeout(() => response.destroy(), 50)
    })
    expect(await importing('liar', url)).toMatch(/1000000|bytes|length|cut/i)
  })

  it('when it is larger than what is free on the disk, before anything is fetched', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 2 ** 50 })
      response.flushHeaders()
    })
    expect(await importing('vast', url)).toMatch(/1073741824 MiB are needed, \d+ MiB are free/)
  })

  it('when the checksum is another', async () => {
    const url = await serveBytes(Buffer.alloc(1 << 20))
    expect(await importing('other', url, { checksum: 'a'.repeat(128) })).toMatch(/checksum|sha-?512/i)
  })

  it('when the qcow2 is corrupt', async () => {
    const bytes = await qcow2(['FILE', '16M'])
    bytes.fill(0xff, 24, 200)
    expect(await importing('corrupt', await serveBytes(bytes))).not.toBe('')
  })

  it('when the qcow2 names a backing file of the host', async () => {
    const bytes = await qcow2(['-u', '-b', '/etc/shadow', '-F', 'raw', 'FILE', '16M'])
    expect(await importing('spy', await serveBytes(bytes))).toMatch(/backing file/)
  })

  it('and leaves no file behind', async () => {
    const left = await product.host.run('find', [
      join(product.info.dataDir, 'agent/images'),
      '-type',
      'f',
      '-newer',
      product.info.kubeconfig,
    ])
    const { items } = await images.list({ namespace: 'default' })
    const files = left.stdout.split('\n').filter((line) => line !== '')
    expect(files.length).toBeLessThanOrEqual(items.length)
  })
})

describe('a virtual machine that cannot run says why', () => {
  it('when it wants more memory than any host has', async () => {
    await product.createMachine('huge', { memory: '4000Gi' })
    const machine = await product.until(
      VirtualMachine,
      'huge',
      (one) => one?.status?.printableStatus === 'ErrorUnschedulable',
    )
    const message = machine.status?.conditions?.map((one) => one.message).join(' ') ?? ''
    expect(message).toMatch(/memory/i)
    await product.deleteMachine('huge')
  })

  it('when its volume is smaller than the image', async () => {
    await product.createMachine('small', { disk: '1Mi' })
    await expect
      .poll(
        async () => {
          const events = await product.kubectl(['get', 'events', '-o', 'jsonpath={.items[*].message}'])
          return events.stdout
        },
        { timeout: 30_000 },
      )
      .toMatch(/image.*(larger|smaller|at least|grow)|(larger|smaller|at least).*image/i)
    await product.deleteMachine('small')
  })

  it('when another machine uses its volume', async () => {
    await product.createMachine('owner')
    await product.running('owner')
    const machine = await product.client.resource(VirtualMachine).get('owner', 'default')
    const second = structuredClone({ metadata: { name: 'thief', namespace: 'default' }, spec: machine.spec })
    const file = join(product.info.dataDir, 'thief.json')
    writeFileSync(file, JSON.stringify({ apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', ...second }))
    const answer = await product.kubectl(['create', '-f', file])
    expect(answer.code).toBe(1)
    expect(answer.stderr).toMatch(/owner-disk-0.*owner/s)
    await product.deleteMachine('owner')
  })

  it('when the manifest itself is wrong, at once and with the field', async () => {
    const wrong = {
      apiVersion: 'kubevirt.io/v1',
      kind: 'VirtualMachine',
      metadata: { name: 'wrong' },
      spec: { runStrategy: 'Sometimes', template: { spec: { domain: { devices: {} } } } },
    }
    const answer = await product.kubectl(['create', '-f', '-'], { input: JSON.stringify(wrong) })
    expect(answer.stderr).toContain('spec.runStrategy')
    const claims = await product.client.resource(PersistentVolumeClaim).list({ namespace: 'default' })
    expect(claims.items.filter(({ metadata }) => metadata.name?.startsWith('wrong'))).toEqual([])
  })

  it('in words for people, whatever failed', async () => {
    expect(await bareWordsShown(product.client)).toEqual([])
  })
})

import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { map, optional, set, string, uuid } from './column.ts'
import { Database } from './database.ts'
import { defineDatabase } from './schema.ts'

const run = promisify(execFile)
const northbound = defineDatabase('OVN_Northbound', {
  Logical_Switch: { name: string, ports: set(uuid), other_config: map(string) },
  Logical_Switch_Port: { name: string, addresses: set(string), dynamic_addresses: optional(string) },
})

describe('a database of a real ovsdb-server', () => {
  let folder = ''
  let server: ChildProcess | undefined
  let open: Database<typeof northbound.tables>[] = []
  const within = () => AbortSignal.timeout(5000)

  const startServer = async () => {
    server = spawn('ovsdb-server', [join(folder, 'nb.db'), `--remote=punix:${join(folder, 'nb.sock')}`, '--no-chdir'], {
      env: { ...process.env, OVS_RUNDIR: folder },
      stdio: 'ignore',
    })
    await once(server, 'spawn')
  }
  const stopServer = async () => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return
    server.kill('SIGKILL')
    await once(server, 'exit')
  }
  const connect = (endpoint: `unix:${string}` | `tcp:${string}` = `unix:${join(folder, 'nb.sock')}`) => {
    const database = new Database({ schema: northbound, endpoints: [endpoint] })
    open.push(database)
    return database
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ovsdb-'))
    await run('ovsdb-tool', ['create', join(folder, 'nb.db'), '/usr/share/ovn/ovn-nb.ovsschema'])
    await startServer()
  })
  afterEach(async () => {
    await Promise.all(open.map((database) => database.close()))
    open = []
    await stopServer()
    await rm(folder, { recursive: true })
  })

  it('writes several rows that refer to each other in one transaction and sees them in its replica', async () => {
    const database = connect()
    const results = await database.transact(
      [
        northbound.insert('Logical_Switch_Port', { name: 'p', addresses: ['0a:00:00:00:00:01 dynamic'] }, 'port'),
        northbound.insert('Logical_Switch', { name: 's', ports: ['port'], other_config: { subnet: '10.0.0.0/24' } }),
      ],
      within(),
    )
    expect(results).toHaveLength(2)
    const port = await database.until(() => database.find('Logical_Switch_Port', 'name', 'p'), within())
    expect(database.find('Logical_Switch', 'name', 's')).toMatchObject({
      ports: [port._uuid],
      other_config: { subnet: '10.0.0.0/24' },
    })
    await database.transact([
      northbound.mutate('Logical_Switch', { name: 's' }, { other_config: { delete: ['subnet'] } }),
    ])
    await database.until(
      () => database.find('Logical_Switch', 'name', 's')?.other_config.subnet === undefined || undefined,
    )
  })

  it('hears of what others write', async () => {
    const writer = connect()
    const reader = connect()
    await reader.ready(within())
    const seen: string[] = []
    reader.onChange((changes) => seen.push(...changes.map((change) => `${change.table} ${change.after ? '+' : '-'}`)))
    await writer.transact([northbound.insert('Logical_Switch', { name: 'other' })], within())
    await reader.until(() => reader.find('Logical_Switch', 'name', 'other'), within())
    await writer.transact([northbound.delete('Logical_Switch', { name: 'other' })], within())
    await reader.until(() => (reader.find('Logical_Switch', 'name', 'other') ? undefined : true), within())
    expect(seen).toEqual(['Logical_Switch +', 'Logical_Switch -'])
  })

  it('throws the error of the server and changes nothing', async () => {
    const database = connect()
    const twice = northbound.insert('Logical_Switch_Port', { name: 'same' }, 'a')
    const rows = [
      twice,
      northbound.insert('Logical_Switch_Port', { name: 'same' }, 'b'),
      northbound.insert('Logical_Switch', { name: 's', ports: ['a', 'b'] }),
    ]
    await expect(database.transact(rows, within())).rejects.toMatchObject({ reason: 'constraint violation' })
    expect(database.rows('Logical_Switch').size).toBe(0)
    await expect(
      database.transact([northbound.wait('Logical_Switch', { name: 'none' }, [{ name: 'none' }])], within()),
    ).rejects.toMatchObject({ reason: 'timed out' })
  })

  it('comes back after the server was killed and announces only the difference', async () => {
    const database = connect()
    await database.transact([northbound.insert('Logical_Switch', { name: 'kept' })], within())
    const lost = new Promise((done) => database.onConnection((connected) => connected || done(true)))
    await stopServer()
    await lost
    expect(database.find('Logical_Switch', 'name', 'kept')).toBeDefined()
    const changes: unknown[] = []
    database.onChange((some) => changes.push(...some))
    const pending = database.transact([northbound.insert('Logical_Switch', { name: 'new' })], within())
    await startServer()
    await pending
    await database.until(() => database.find('Logical_Switch', 'name', 'new'), within())
    expect(changes).toHaveLength(1)
  })

  it('notices on TCP that the other side went silent', async () => {
    const relay = createServer((near) => {
      const far = createConnection(join(folder, 'nb.sock'))
      near.pipe(far).pipe(near)
      setTimeout(() => far.unpipe(near), 300)
      far.on('error', () => near.destroy())
      near.on('error', () => far.destroy())
    })
    relay.listen(0, '127.0.0.1')
    await once(relay, 'listening')
    const { port } = relay.address() as { port: number }
    const database = new Database({ schema: northbound, endpoints: [`tcp:127.0.0.1:${port}`], probeMs: 200 })
    open.push(database)
    await database.ready(within())
    await new Promise<void>((done) => database.onConnection((connected) => connected || done()))
    await database.close()
    relay.close()
  })

  it('gives up waiting when told to, and when it is closed', async () => {
    const database = new Database({ schema: northbound, endpoints: [`unix:${join(folder, 'nowhere.sock')}`] })
    await expect(database.ready(AbortSignal.timeout(100))).rejects.toMatchObject({ name: 'TimeoutError' })
    expect(database.failure?.message).toContain('nowhere.sock')
    const waiting = expect(database.ready()).rejects.toMatchObject({ reason: 'Closed' })
    await database.close()
    await waiting
  })
})

import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { chooseDns, nameServers, Resolver, type DnsRoute } from './resolver.ts'

describe('the host’s name servers', () => {
  it('are read as resolv.conf has them', () => {
    const text =
      '# comment\nsearch lan\nnameserver 192.0.2.1\n nameserver fe80::1%eth0\nnameserver nonsense\noptions x\n'
    expect(nameServers(text)).toEqual(['192.0.2.1', 'fe80::1%eth0'])
  })

  it('are asked directly where a guest can reach them', () => {
    expect(chooseDns(['127.0.0.53', '192.0.2.1'])).toEqual({ mode: 'direct', servers: ['192.0.2.1'] })
    expect(chooseDns(['127.0.0.53'])).toEqual({ mode: 'forwarded', servers: ['127.0.0.53'] })
    expect(chooseDns(['2001:db8::53'])).toMatchObject({ mode: 'forwarded' })
    expect(chooseDns([])).toEqual({ mode: 'none', servers: [] })
  })

  it('are followed when the file is replaced', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'resolver-'))
    const file = join(folder, 'resolv.conf')
    await writeFile(file, 'nameserver 192.0.2.1\n')
    const resolver = new Resolver([file, join(folder, 'none', 'resolv.conf')])
    expect(await resolver.read()).toEqual({ mode: 'direct', servers: ['192.0.2.1'] })
    const changed = new Promise<DnsRoute>((done) => void resolver.watch(done))
    await writeFile(join(folder, 'new'), 'nameserver 192.0.2.2\n')
    await rename(join(folder, 'new'), file)
    expect(await changed).toEqual({ mode: 'direct', servers: ['192.0.2.2'] })
    resolver.close()
    await rm(folder, { recursive: true })
  })
})

import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { JoinError, joinCluster, keepMembership } from '@thresher/agent/identity/join'
import { authorityHash, type JoinToken } from '@thresher/agent/identity/join-token'
import { renewMembership } from '@thresher/agent/identity/renew'
import { newAuthority } from '@thresher/apiserver/pki/certificate'
import { newCertificateRequest } from '@thresher/apiserver/pki/certificate-request'
import { newPrivateKey } from '@thresher/apiserver/pki/certificate'
import { Client } from '@thresher/client/client'
import { httpsTransport } from '@thresher/client/node/https-transport'
import { loadOwnKubeconfig } from '@thresher/client/node/kubeconfig'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startWholeServer, type Caller, type WholeServer } from './whole-server.ts'

const secrets = '/api/v1/namespaces/kube-system/secrets'
const requests = '/apis/certificates.k8s.io/v1/certificatesigningrequests'
const clientSigner = 'kubernetes.io/kube-apiserver-client-kubelet'
const servingSigner = 'kubernetes.io/kubelet-serving'

describe('a host that joins', () => {
  let server: WholeServer
  let url: string
  const folder = mkdtempSync(join(tmpdir(), 'join-'))
  const signal = new AbortController().signal
  beforeAll(async () => {
    server = await startWholeServer()
    url = `https://127.0.0.1:${server.port}`
    const network = { metadata: { name: 'mgmt', annotations: { 'thresher.io/subnet': '10.99.0.0/16' } } }
    const at = '/apis/network.harvesterhci.io/v1beta1/clusternetworks'
    const made = await server.ask(server.admin, 'POST', at, network)
    if (made.status === 409)
      await server.ask(
        server.admin,
        'PATCH',
        `${at}/mgmt`,
        { metadata: network.metadata },
        'application/merge-patch+json',
      )
  })
  afterAll(async () => {
    await server.close()
    rmSync(folder, { recursive: true, force: true })
  })

  async function newToken(id: string, endsInMs = 60_000, more: Record<string, string> = {}): Promise<JoinToken> {
    const stringData = {
      'token-id': id,
      'token-secret': '0123456789abcdef',
      expiration: new Date(Date.now() + endsInMs).toISOString(),
      'usage-bootstrap-authentication': 'true',
      ...more,
    }
    const secret = { metadata: { name: `bootstrap-token-${id}` }, type: 'bootstrap.kubernetes.io/token', stringData }
    expect((await server.ask(server.admin, 'POST', secrets, secret)).status).toBe(201)
    return { bearer: `${id}.0123456789abcdef`, authority: authorityHash(server.ca) }
  }
  const withToken = (token: JoinToken) =>
    new Client(httpsTransport({ server: url, ca: server.ca, token: token.bearer }))
  const asNode = (name: string): Caller => server.caller(`system:node:${name}`, ['system:nodes'])

  /** Ask for a certificate and wait for the verdict. */
  async function verdict(as: Caller | JoinToken, signerName: string, subject: string, names: string[] = []) {
    const groups = ['system:nodes']
    const request = newCertificateRequest(newPrivateKey(), { commonName: subject, organizations: groups }, names)
    const usages = ['digital signature', signerName === servingSigner ? 'server auth' : 'client auth']
    const wish = {
      metadata: { generateName: 'try-' },
      spec: { request: Buffer.from(request).toString('base64'), signerName, usages },
    }
    const made =
      'bearer' in as
        ? await withToken(as).transport.request<{ metadata: { name: string } }>({
            method: 'POST',
            path: requests,
            body: { apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', ...wish },
          })
        : (JSON.parse((await server.ask(as, 'POST', requests, wish)).text) as { metadata: { name: string } })
    return vi.waitFor(async () => {
      const { text } = await server.ask(server.admin, 'GET', `${requests}/${made.metadata.name}`)
      const { status } = JSON.parse(text) as {
        status?: { certificate?: string; conditions?: { type: string; message: string }[] }
      }
      const last = status?.conditions?.at(-1)
      if (!status?.certificate && last?.type !== 'Denied' && last?.type !== 'Failed') throw new Error('undecided')
      return status?.certificate ? 'issued' : (last?.message ?? '')
    }, 5000)
  }

  it('becomes a node by a token, knows the server by its hash, and keeps its keys to itself', async () => {
    const token = await newToken('aaaaa1')
    const found = await joinCluster(url, token, 'second', signal)
    expect(found.guestSubnet).toBe('10.99.0.0/16')
    expect(new X509Certificate(found.client.cert).subject).toContain('CN=system:node:second')
    expect(new X509Certificate(found.serving.cert).subjectAltName).toBe('DNS:second')
    await keepMembership(folder, 'second', url, found)
    const kubeconfig = join(folder, 'agent.kubeconfig')
    const renewal = { folder, kubeconfig, node: 'second', signal }
    expect(await renewMembership(renewal)).toBe(false)
    expect(await renewMembership({ ...renewal, leftMs: 400 * 24 * 3600 * 1000 })).toBe(true)
    const { cert } = loadOwnKubeconfig(kubeconfig)
    expect(String(cert)).not.toBe(found.client.cert)
    expect(new X509Certificate(cert!).subject).toContain('CN=system:node:second')
    expect(new X509Certificate(readFileSync(join(folder, 'agent.crt'))).subjectAltName).toBe('DNS:second')
  })

  it('shows its token to nobody whose authority is another', async () => {
    const token = { ...(await newToken('aaaaa2')), authority: authorityHash(newAuthority('other').cert) }
    const joining = joinCluster(url, token, 'third', signal)
    await expect(joining).rejects.toThrow(JoinError)
    await expect(joining).rejects.toThrow(/is not the one that the token names/)
  })

  it('is refused with a token that has ended, is not for this, is wrong or was deleted', async () => {
    const ended = await newToken('aaaaa3', -1000)
    const other = await newToken('aaaaa4', 60_000, { 'usage-bootstrap-authentication': 'false' })
    const good = await newToken('aaaaa5')
    const wrong = { ...good, bearer: 'aaaaa5.0123456789abcdee' }
    const deleted = await newToken('aaaaa6')
    await server.ask(server.admin, 'DELETE', `${secrets}/bootstrap-token-aaaaa6`)
    for (const token of [ended, other, wrong, deleted])
      await expect(joinCluster(url, token, 'third', signal)).rejects.toThrow('Unauthorized')
    await vi.waitFor(async () => {
      expect((await server.ask(server.admin, 'GET', `${secrets}/bootstrap-token-aaaaa3`)).status).toBe(404)
    }, 5000)
  })

  it('may with a token ask for certificates, and for nothing else', async () => {
    const client = withToken(await newToken('aaaaa7'))
    for (const path of ['/api/v1/nodes', secrets, '/apis/kubevirt.io/v1/virtualmachines'])
      await expect(client.transport.request({ method: 'GET', path })).rejects.toThrow(/forbidden/)
    await client.transport.close()
  })

  it('becomes none of the nodes that are there, and no name of the API server’s', async () => {
    const token = await newToken('aaaaa8')
    await server.ask(server.admin, 'POST', '/api/v1/nodes', { metadata: { name: 'taken' } })
    expect(await verdict(token, clientSigner, 'system:node:taken')).toMatch(/has a node taken already/)
    expect(await verdict(token, clientSigner, 'system:node:localhost')).toMatch(/goes by the name localhost/)
    expect(await verdict(token, clientSigner, 'admin')).toMatch(/is not that of a node/)
    expect(await verdict(token, servingSigner, 'system:node:new', ['new'])).toMatch(/client certificate alone/)
    expect(await verdict(token, clientSigner, 'system:node:new')).toBe('issued')
  })

  it('serves as a node under its own name alone, and gets no other node’s certificate', async () => {
    expect(await verdict(asNode('mine'), servingSigner, 'system:node:mine', ['mine'])).toBe('issued')
    for (const name of ['kubernetes', 'taken', '10.0.0.1'])
      expect(await verdict(asNode('mine'), servingSigner, 'system:node:mine', ['mine', name])).toMatch(/own name alone/)
    expect(await verdict(asNode('mine'), clientSigner, 'system:node:taken')).toMatch(/own certificates alone/)
  })

  it('may read the file of an image, to make a volume of it, and send none', async () => {
    const image = '/apis/harvesterhci.io/v1beta1/namespaces/default/virtualmachineimages/none'
    const status = async (as: Caller, method: string, what: string) =>
      (await server.ask(as, method, `${image}/${what}`)).status
    expect(await status(asNode('mine'), 'GET', 'download')).toBe(404)
    for (const method of ['GET', 'PUT', 'POST']) expect(await status(asNode('mine'), method, 'upload')).toBe(403)
    expect(await status(server.caller('tenant'), 'GET', 'download')).toBe(403)
  })

  it('is not marked as managing the cluster by its own word', async () => {
    const labels = { 'node-role.kubernetes.io/control-plane': 'true' }
    const made = await server.ask(asNode('mine'), 'POST', '/api/v1/nodes', { metadata: { name: 'mine', labels } })
    expect(made.status).toBe(403)
  })
})

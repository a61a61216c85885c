import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { certify, issue, newAuthority, newPrivateKey, type CertificateOptions, type KeyPairPem } from './certificate.ts'
import { makePrivateDirectory, narrowToOwner, writePrivateFile } from './private-file.ts'

/** A certificate and its key, and the files that hold them. */
export interface KeyPairFiles extends KeyPairPem {
  certPath: string
  keyPath: string
}

/** The cluster's certificates and keys. */
export interface Pki {
  dir: string
  ca: KeyPairFiles
  /** What the API server shows to its clients. */
  server: KeyPairFiles
  /** What the API server shows to the agents: user `thresher-apiserver`. */
  agentClient: KeyPairFiles
  /** What service-account tokens are signed with. */
  serviceAccount: ServiceAccountKeys
}

/** Keys of service-account tokens as PEM: the private one that signs, and all public ones that are accepted. */
export interface ServiceAccountKeys {
  signing: string
  verifying: string[]
}

/** Whom the server's certificate must be valid for, beside its own names and loopback. */
export interface ServerIdentity {
  names: string[]
  addresses: string[]
  now?: Date
}

/** The name on the client certificate with which the API server calls the agents. */
const apiServerClientName = 'thresher-apiserver'

const authorityName = 'thresher-ca'
const ownNames = [
  'localhost',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
]
/** Loopback, and the first address of the service network 10.53.0.0/16. */
const ownAddresses = ['127.0.0.1', '::1', '10.53.0.1']
const dayMs = 24 * 3600 * 1000
/** Leaf certificates are renewed this long before they end. */
const renewBeforeMs = 60 * dayMs

/**
 * Make the cluster's certificates in `dir`, or take those that are there.
 *
 * Files are for their owner only (0600). May be called at every start: the authority and the token keys are made once,
 * the server's certificate again when its names or addresses change or its end is near.
 *
 * @throws {Error} when the CA certificate is there but its key is gone
 */
export async function ensurePki(dir: string, identity: ServerIdentity): Promise<Pki> {
  await makePrivateDirectory(dir)
  const now = identity.now ?? new Date()
  const ca = await ensureAuthority(dir, now)
  const server = await ensureLeaf(dir, 'server', ca, {
    subject: { commonName: 'thresher-server' },
    usages: ['server'],
    names: [...new Set([...ownNames, ...identity.names, ...ownAddresses, ...identity.addresses])],
    now,
  })
  const agentClient = await ensureLeaf(dir, apiServerClientName, ca, {
    subject: { commonName: apiServerClientName },
    usages: ['client'],
    now,
  })
  return { dir, ca, server, agentClient, serviceAccount: await ensureServiceAccountKeys(dir) }
}

/** The DNS names that a certificate is valid for. */
export function dnsNamesOf(cert: string): string[] {
  const entries = (new X509Certificate(cert).subjectAltName ?? '').split(', ')
  return entries.flatMap((entry) => (entry.startsWith('DNS:') ? [entry.slice(4)] : []))
}

/** A certificate for a client; give the user name and groups. */
export function issueClientCertificate(
  ca: KeyPairPem,
  client: { name: string; groups?: string[]; days?: number; now?: Date },
): KeyPairPem {
  return issue(ca, {
    subject: { commonName: client.name, organizations: client.groups },
    usages: ['client'],
    days: client.days,
    now: client.now,
  })
}

/** The administrator's certificate: user `admin` in the group that may do everything. */
export function issueAdminCertificate(ca: KeyPairPem): KeyPairPem {
  return issueClientCertificate(ca, { name: 'admin', groups: ['system:masters'] })
}

/** The names that an agent's serving certificate holds. */
export function agentServingNames(agent: { node: string; addresses: string[] }): string[] {
  return [...new Set([agent.node, 'localhost', ...agent.addresses])]
}

/** What an agent needs: its identity towards the API server, and the certificate that it serves with. */
export function issueAgentCertificates(
  ca: KeyPairPem,
  agent: { node: string; addresses: string[] },
): { client: KeyPairPem; serving: KeyPairPem } {
  return {
    client: issueClientCertificate(ca, { name: `system:node:${agent.node}`, groups: ['system:nodes'] }),
    serving: issue(ca, {
      subject: { commonName: `system:node:${agent.node}`, organizations: ['system:nodes'] },
      usages: ['server'],
      names: agentServingNames(agent),
    }),
  }
}

/** Whether a certificate fits its key, is signed by the authority, is not near its end and names all of `names` and no others. */
export function isUsable(pair: KeyPairPem, ca: KeyPairPem, names: string[] = [], now = new Date()): boolean {
  try {
    const cert = new X509Certificate(pair.cert)
    const authority = new X509Certificate(ca.cert)
    return (
      cert.checkPrivateKey(createPrivateKey(pair.key)) &&
      cert.checkIssued(authority) &&
      cert.verify(authority.publicKey) &&
      Date.parse(cert.validTo) - now.getTime() > renewBeforeMs &&
      sameNames(cert, names)
    )
  } catch {
    return false
  }
}

/**
 * Sign service-account tokens with a new key from now on. Tokens of the old keys stay good until {@link dropOldServiceAccountKeys}.
 */
export async function rotateServiceAccountKey(dir: string): Promise<ServiceAccountKeys> {
  const { verifying } = await ensureServiceAccountKeys(dir)
  await writePrivateFile(join(dir, 'sa.pub'), verifying.join(''))
  await writePrivateFile(join(dir, 'sa.key'), newPrivateKey())
  return ensureServiceAccountKeys(dir)
}

/** Accept only tokens that the current key has signed. */
export async function dropOldServiceAccountKeys(dir: string): Promise<ServiceAccountKeys> {
  await writePrivateFile(join(dir, 'sa.pub'), '')
  return ensureServiceAccountKeys(dir)
}

async function ensureAuthority(dir: string, now: Date): Promise<KeyPairFiles> {
  const certPath = join(dir, 'ca.crt')
  const keyPath = join(dir, 'ca.key')
  // The certificate first: another process that starts with us writes the key first.
  let cert = await readIfThere(certPath)
  let key = await readIfThere(keyPath)
  if (key === undefined) {
    if (cert !== undefined)
      throw new Error(
        `${certPath} is there but ${keyPath} is not: bring the key back from a backup, or remove ca.crt to begin with a new authority`,
      )
    key = await createOnce(keyPath, newPrivateKey())
  }
  await narrowToOwner(keyPath)
  // A crash between the two files leaves a key alone; a certificate made anew from the same key changes nothing for those it has signed.
  cert ??= await createOnce(certPath, newAuthority(authorityName, key, undefined, now).cert)
  return { cert, key, certPath, keyPath }
}

async function ensureLeaf(
  dir: string,
  file: string,
  ca: KeyPairPem,
  options: CertificateOptions,
): Promise<KeyPairFiles> {
  const certPath = join(dir, `${file}.crt`)
  const keyPath = join(dir, `${file}.key`)
  const found = { cert: (await readIfThere(certPath)) ?? '', key: (await readIfThere(keyPath)) ?? '' }
  if (isUsable(found, ca, options.names, options.now)) {
    await narrowToOwner(keyPath)
    return { ...found, certPath, keyPath }
  }
  const key = newPrivateKey()
  const made = { key, cert: certify(ca, createPublicKey(key), options) }
  await writePrivateFile(keyPath, made.key)
  await writePrivateFile(certPath, made.cert)
  return { ...made, certPath, keyPath }
}

async function ensureServiceAccountKeys(dir: string): Promise<ServiceAccountKeys> {
  const path = join(dir, 'sa.key')
  const signing = (await readIfThere(path)) ?? (await createOnce(path, newPrivateKey()))
  await narrowToOwner(path)
  const current = createPublicKey(signing).export({ type: 'spki', format: 'pem' })
  const older =
    ((await readIfThere(join(dir, 'sa.pub'))) ?? '').match(
      /-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----\n?/g,
    ) ?? []
  return { signing, verifying: [current, ...older.filter((pem) => pem !== current)] }
}

/** Write the file unless another process was quicker; the content that counts. */
async function createOnce(path: string, content: string): Promise<string> {
  try {
    await writePrivateFile(path, content, { exclusive: true })
    return content
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return readFile(path, 'utf8')
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function sameNames(cert: X509Certificate, names: string[]): boolean {
  const held = (cert.subjectAltName ?? '').split(', ').filter((entry) => entry !== '').length
  return (
    held === names.length &&
    names.every((name) => cert.checkHost(name, { subject: 'never' }) !== undefined || cert.checkIP(name) !== undefined)
  )
}

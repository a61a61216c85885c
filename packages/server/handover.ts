import { createPrivateKey, X509Certificate } from 'node:crypto'
import { lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatKubeconfig } from '@thresher/apiserver/pki/kubeconfig'
import { writePrivateFile } from '@thresher/apiserver/pki/private-file'
import { bootstrapFiles } from './bootstrap.ts'

/** What the administrator and the agent of a host need, made anew from what the server wrote. */
export interface Handover {
  adminKubeconfig: string
  agentKubeconfig: string
  /** PEM. */
  ca: string
  agentCert: string
  agentKey: string
}

/**
 * Take over certificates and keys from the server's folder, which root must not trust: who writes there could otherwise name
 * a program for kubectl to run, or files for the agent to read. So nothing of it is copied: each part is parsed as the certificate
 * or key that it must be and written out again, and all else comes from here.
 *
 * @param read reads one of {@link bootstrapFiles}; @param target where the API is, and the name of this node
 * @throws {Error} naming the part that is not what it must be
 */
export function takeOver(read: (file: string) => string, target: { server: string; nodeName: string }): Handover {
  const files = bootstrapFiles(target.nodeName)
  const authority = certificate(read(files.ca), files.ca)
  const pair = (names: { cert: string; key: string }, user: string) => {
    const found = certificate(read(names.cert), names.cert)
    const key = privateKey(read(names.key), names.key)
    if (!found.checkPrivateKey(createPrivateKey(key))) throw new Error(`${names.key} is not the key of ${names.cert}`)
    if (!found.verify(authority.publicKey)) throw new Error(`${names.cert} is not signed by ${files.ca}`)
    if (found.toLegacyObject().subject['CN'] !== user) throw new Error(`${names.cert} is not for ${user}`)
    return { cert: found.toString(), key }
  }
  const node = `system:node:${target.nodeName}`
  const admin = pair(files.admin, 'admin')
  const client = pair(files.node, node)
  const serving = pair(files.agent, node)
  const ca = authority.toString()
  return {
    adminKubeconfig: formatKubeconfig({ server: target.server, ca, name: 'thresher', ...admin }),
    agentKubeconfig: formatKubeconfig({ server: target.server, ca, name: target.nodeName, ...client }),
    ca,
    agentCert: serving.cert,
    agentKey: serving.key,
  }
}

/** The password that was made at install. Anything that a terminal could take for an order is refused. */
export function parseFirstAdministrator(text: string): { name: string; password: string } {
  const value: unknown = JSON.parse(text)
  const { name, password } = (value ?? {}) as Record<string, unknown>
  const printable = (part: unknown): part is string => typeof part === 'string' && /^[\x21-\x7e]{1,200}$/.test(part)
  if (!printable(name) || !printable(password)) throw new Error('the first administrator’s file is not what it must be')
  return { name, password }
}

function certificate(pem: string, file: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw new Error(`${file} is not a certificate`, { cause })
  }
}

function privateKey(pem: string, file: string): string {
  try {
    return createPrivateKey(pem).export({ type: 'pkcs8', format: 'pem' }).toString()
  } catch (cause) {
    throw new Error(`${file} is not a private key`, { cause })
  }
}

/**
 * Write what was taken over: each file whole or not at all, for its owner only, and new, so that no former owner keeps it.
 *
 * @param to the administrator's kubeconfig, and the agent's folder
 * @returns whether anything changed
 */
export async function keepHandover(handover: Handover, to: { admin: string; agentFolder: string }): Promise<boolean> {
  const files: [string, string][] = [
    [to.admin, handover.adminKubeconfig],
    [join(to.agentFolder, 'ca.crt'), handover.ca],
    [join(to.agentFolder, 'agent.key'), handover.agentKey],
    [join(to.agentFolder, 'agent.crt'), handover.agentCert],
    [join(to.agentFolder, 'agent.kubeconfig'), handover.agentKubeconfig],
  ]
  let changed = false
  for (const [path, content] of files) {
    if (isKept(path, content)) continue
    await writePrivateFile(path, content)
    changed = true
  }
  return changed
}

/** A file of another owner, or one that others may read, is written anew even with the same content. */
function isKept(path: string, content: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false })
  const isOurs = found?.isFile() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0
  return isOurs === true && readFileSync(path, 'utf8') === content
}

import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import type { HttpsTransportOptions } from './https-transport.ts'
import { readTrusted } from './trusted-file.ts'

/** What a kubeconfig's chosen context says. */
export interface KubeconfigContext extends HttpsTransportOptions {
  context: string
  namespace: string
}

type Fields = Record<string, unknown>

/**
 * Read a kubeconfig file and choose a context, its current one unless said.
 *
 * @throws {Error} naming what is missing, with the file
 * @see https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
 */
export function loadKubeconfig(file: string, context?: string): KubeconfigContext {
  try {
    return parseKubeconfig(readFileSync(file, 'utf8'), path.dirname(file), context)
  } catch (cause) {
    throw new Error(`${file}: ${(cause as Error).message}`, { cause })
  }
}

/**
 * As {@link loadKubeconfig}, for a file that this installation made for itself: one that root or this user alone can have written, and
 * that names no further files.
 *
 * @throws {UntrustedFileError} when somebody else could have written it
 */
export function loadOwnKubeconfig(file: string): KubeconfigContext {
  const text = readTrusted(file)
  try {
    return parseKubeconfig(text, undefined)
  } catch (cause) {
    throw new Error(`${file}: ${(cause as Error).message}`, { cause })
  }
}

/**
 * The client certificate of a kubeconfig, read again when it is asked for some time after the last reading, so that a program that
 * runs for long uses a renewed one. What cannot be read leaves the former in use.
 */
export function renewedCertificate(
  load: () => KubeconfigContext,
  everyMs = 60_000,
): () => Pick<KubeconfigContext, 'cert' | 'key'> {
  let { cert, key } = load()
  let readAt = performance.now()
  return () => {
    if (performance.now() - readAt >= everyMs) {
      readAt = performance.now()
      try {
        ;({ cert, key } = load())
      } catch {
        // The server says when the former one is good no more.
      }
    }
    return { cert, key }
  }
}

/** As {@link loadKubeconfig}, from text; `directory` is what relative file names in it start from; without one it may name no files. */
export function parseKubeconfig(text: string, directory: string | undefined, context?: string): KubeconfigContext {
  const config = fields(parse(text), 'the kubeconfig')
  const contextName = context ?? string(config['current-context'])
  if (!contextName) throw new Error('no current-context is set; set one or name a context')
  const chosen = named(config, 'contexts', 'context', contextName)
  const cluster = named(config, 'clusters', 'cluster', string(chosen['cluster']) ?? '')
  const user = chosen['user'] ? named(config, 'users', 'user', string(chosen['user']) ?? '') : {}
  const server = string(cluster['server'])
  if (!server || !URL.canParse(server)) throw new Error(`cluster ${String(chosen['cluster'])} has no valid server URL`)
  const read = (from: Fields, name: string): Buffer | undefined => {
    const inline = string(from[`${name}-data`])
    if (inline) return Buffer.from(inline, 'base64')
    const file = string(from[name])
    return file ? readFileSync(fileFrom(directory, name, file)) : undefined
  }
  const tokenPath = string(user['tokenFile'])
  const tokenFile = tokenPath ? fileFrom(directory, 'tokenFile', tokenPath) : undefined
  return {
    context: contextName,
    namespace: string(chosen['namespace']) ?? 'default',
    server,
    ca: read(cluster, 'certificate-authority'),
    cert: read(user, 'client-certificate'),
    key: read(user, 'client-key'),
    token: string(user['token']) ?? (tokenFile ? () => readFileSync(tokenFile, 'utf8').trim() : undefined),
    serverName: string(cluster['tls-server-name']),
    insecureSkipTlsVerify: cluster['insecure-skip-tls-verify'] === true,
  }
}

function fileFrom(directory: string | undefined, field: string, file: string): string {
  if (directory === undefined)
    throw new Error(`${field} names the file ${file}, which this kubeconfig may not; it must hold the data itself`)
  return path.resolve(directory, file)
}

function named(config: Fields, list: string, part: string, name: string): Fields {
  const entries = Array.isArray(config[list]) ? (config[list] as unknown[]) : []
  const entry = entries.map((item) => fields(item, `an entry of ${list}`)).find((item) => item['name'] === name)
  if (!entry) throw new Error(`no ${part} named "${name}"`)
  return fields(entry[part], `${part} ${name}`)
}

function fields(value: unknown, what: string): Fields {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Error(`${what} is not a map`)
  return value as Fields
}

function string(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

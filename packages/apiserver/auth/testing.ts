import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kinds } from '@thresher/api/kinds'
import { ensurePki } from '../pki/ensure.ts'
import { startTestServer, type TestServer, type TestServerOptions } from '../testing.ts'
import { Security } from './security.ts'

/** The answer to one request. */
export interface Reply {
  status: number
  body: Record<string, unknown>
}

/** How a request is sent: with which token, headers and client certificate. */
export interface CallOptions {
  token?: string
  headers?: Record<string, string>
  body?: unknown
  cert?: { cert: string; key: string }
}

/** A running API server with all of its security, for tests. */
export interface SecureServer extends AsyncDisposable {
  server: TestServer
  security: Security
  directory: string
  /** Of the first administrator, `admin`. */
  password: string
  /** One HTTPS request as a client would send it: the path goes out as it is. */
  call: (method: string, path: string, options?: CallOptions) => Promise<Reply>
  /** A call as an administrator. @throws {ApiError} */
  asAdmin: <T = Record<string, unknown>>(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: unknown,
  ) => Promise<T>
  close(): Promise<void>
}

/** Start an API server with every declared kind, RBAC, node restriction, admission and a first administrator. */
export async function startSecureServer(options: Partial<TestServerOptions> = {}): Promise<SecureServer> {
  const directory = await mkdtemp(join(tmpdir(), 'secure-'))
  const pki = await ensurePki(join(directory, 'pki'), { names: [], addresses: [] })
  const security = new Security({ pki, serverUrl: 'https://127.0.0.1', onError: (error) => console.error(error) })
  const { authenticators, authorizer, admission, subresources, routes } = security
  const server = await startTestServer({
    directory,
    authenticators,
    authorizer,
    admission,
    subresources,
    routes,
    kinds: [
      ...kinds.filter((kind) => !security.kinds.some((own) => own.kind === kind.kind && own.group === kind.group)),
      ...security.kinds,
    ],
    ...options,
  })
  const first = await security.start(server.api.objects)
  const close = async () => {
    security.stop()
    await server.close()
    await rm(directory, { recursive: true, force: true })
  }
  return {
    server,
    security,
    directory,
    password: first?.password ?? '',
    asAdmin: (method, path, body) => server.transport().request({ method, path, body }),
    call: (method, path, callOptions = {}) => send(server, method, path, callOptions),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function send(
  server: TestServer,
  method: string,
  path: string,
  { token, headers, body, cert }: CallOptions,
): Promise<Reply> {
  const text = body === undefined ? undefined : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port: server.http.port,
        method,
        path,
        ca: server.pki.ca.cert,
        ...cert,
        agent: false,
        headers: {
          ...(text === undefined ? {} : { 'content-type': 'application/json' }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
      },
      (reply) => {
        const chunks: Buffer[] = []
        reply.on('data', (chunk: Buffer) => chunks.push(chunk))
        reply.on('end', () => {
          const answer = Buffer.concat(chunks).toString()
          const parsed = answer.startsWith('{') ? (JSON.parse(answer) as Record<string, unknown>) : { text: answer }
          resolve({ status: reply.statusCode ?? 0, body: parsed })
        })
      },
    )
    sent.on('error', reject)
    sent.end(text)
  })
}

import type { IncomingMessage } from 'node:http'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { WebSocketServer } from 'ws'
import { settingObjects } from '@thresher/api/harvester/settings/value'
import { Lease } from '@thresher/api/coordination/lease'
import { Namespace } from '@thresher/api/core/namespace'
import { isReason } from '@thresher/api/error'
import type { UsageHistory } from '@thresher/api/metrics/usage'
import { kinds } from '@thresher/api/kinds'
import { Security } from '@thresher/apiserver/auth/security'
import { ensurePki } from '@thresher/apiserver/pki/ensure'
import { startTestServer, type TestServer } from '@thresher/apiserver/testing'
import { watchSocketRoute } from '@thresher/apiserver/watch-socket'
import { Client } from '@thresher/client/client'
import { formatMicroTime } from '@thresher/client/conditions'
import { machineAdmission } from '@thresher/server/admission/admission'
import { startControllers } from '@thresher/controllers/controllers'
import { kubevirtSubresources } from '@thresher/server/subresources/subresources'
import { simulateAgent } from '@thresher/controllers/testing'
import { usageSubresources } from '@thresher/server/usage/usage-subresources'
import { facadeRoutes } from '@thresher/server/facade/routes'
import { dashboardRoutes } from '@thresher/server/dashboard/dashboard'
import { buildDashboard } from './build.ts'

/** What a browser on a machine without a screen, and without a wish to talk to others, is started with. */
const browserArguments = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
]

/** Debian's Chromium, without a window. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: browserArguments })
}

/** A server with its dashboard, whose guests only pretend. */
export interface DashboardServer extends AsyncDisposable {
  server: TestServer
  security: Security
  /** As the administrator. */
  client: Client
  url: string
  password: string
}

/**
 * Build the dashboard if need be and start the real API server with its security, admission and subresources.
 *
 * @param options.simulate with controllers and a host that pretends to run guests; without, tests write states themselves
 * @param options.now the server's clock, for objects that are to look older
 */
export async function startDashboard({
  simulate = true,
  port = 0,
  now,
}: { simulate?: boolean; port?: number; now?: () => number } = {}): Promise<DashboardServer> {
  await buildDashboard()
  await using cleanup = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'dashboard-'))
  cleanup.defer(() => rm(directory, { recursive: true, force: true }))
  const pki = await ensurePki(join(directory, 'pki'), { names: ['localhost'], addresses: ['127.0.0.1'] })
  const security = new Security({ pki, serverUrl: 'https://127.0.0.1', onError: (error) => console.error(error) })
  cleanup.defer(() => security.stop())
  const server: TestServer = await startTestServer({
    kinds: [...kinds, ...security.kinds.filter((kind) => !kinds.includes(kind))],
    directory,
    port,
    ...(now ? { now } : {}),
    authenticators: security.authenticators,
    authorizer: security.authorizer,
    admission: [...security.admission, ...machineAdmission(() => server.api.objects)],
    subresources: [
      ...security.subresources,
      ...kubevirtSubresources(() => ({ client, dialer })),
      ...usageSubresources(() => ({ client, dialer })),
    ],
    routes: [
      ...security.routes,
      watchSocketRoute(() => server.api),
      ...dashboardRoutes({ users: security.users, tokens: security.tokens, objects: () => server.api.objects }),
      ...facadeRoutes({
        server: () => server.api,
        authorizer: security.authorizer,
        users: security.users,
        tokens: security.tokens,
        ca: pki.ca.cert,
        uploadImage: () => Promise.reject(new Error('this agent keeps no images')),
      }),
    ],
  })
  cleanup.defer(() => server.close())
  const client = new Client(server.transport())
  const first = await security.start(server.api.objects)
  for (const setting of settingObjects('v1.8.0'))
    await client.transport.request({ method: 'POST', path: '/apis/harvesterhci.io/v1beta1/settings', body: setting })
  if (simulate) {
    const stop = new AbortController()
    cleanup.defer(() => stop.abort())
    await startControllers({ transport: server.transport(), signal: stop.signal })
    await simulateAgent(server.transport(), stop.signal)
    const beats = await keepAlive(client)
    cleanup.defer(() => clearInterval(beats))
  }
  const kept = cleanup.move()
  return {
    server,
    security,
    client,
    url: server.url,
    password: first?.password ?? '',
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** Renew the lease of the host that pretends, as its agent would; without, it counts as lost after a while. */
async function keepAlive(client: Client): Promise<NodeJS.Timeout> {
  const leases = client.resource<Lease>(Lease)
  const namespace = 'kube-node-lease'
  const renewTime = () => formatMicroTime(new Date())
  await client
    .resource<Namespace>(Namespace)
    .create({ metadata: { name: namespace }, spec: {} })
    .catch((error: unknown) => {
      if (!isReason(error, 'AlreadyExists')) throw error
    })
  await leases.create({
    metadata: { name: 'node-1', namespace },
    spec: { holderIdentity: 'node-1', renewTime: renewTime() },
  })
  return setInterval(() => {
    leases.patch('node-1', namespace, { spec: { renewTime: renewTime() } }).catch(() => {})
  }, 5000)
}

const consoles = new WebSocketServer({ noServer: true })

/** A guest's or host's day: mostly quiet, with a wave and a busy hour. */
function pastOf(path: string): UsageHistory {
  const query = new URLSearchParams(path.split('?')[1])
  const minutes = Number(query.get('minutes'))
  const size = query.has('name') ? 1 : 4
  const stepSeconds = minutes > 60 ? 300 : 30
  const steps = (minutes * 60) / stepSeconds
  const startSeconds = Math.floor(Date.now() / 1000 / stepSeconds) * stepSeconds - (steps - 1) * stepSeconds
  const wave = (mean: number, swing: number, period: number) =>
    Array.from({ length: steps }, (_, at) => {
      const noise = Math.sin(at * 12.9898) * 0.5 + Math.sin(at * 4.1) * 0.5
      return Math.max(0, size * (mean + swing * (Math.sin((at * 6.28) / period) + noise * 0.35)))
    })
  return {
    startSeconds,
    stepSeconds,
    series: {
      cpu: wave(0.3, 0.2, steps / 2),
      memory: wave(6e8, 3e7, steps),
      diskRead: wave(2e5, 1e5, steps / 3),
      diskWrite: wave(1e6, 8e5, steps / 5),
      networkReceive: wave(4e6, 2e6, steps / 4),
      networkTransmit: wave(1.2e6, 6e5, steps / 4),
    },
  }
}

/** An agent's consoles, a serial line that greets and echoes and a screen that never speaks, and what it measures. */
const dialer = {
  request: (_node: string, _method: string, path: string) =>
    Promise.resolve({ status: 200, body: path.startsWith('/usage/history') ? pastOf(path) : {} }),
  stream: () => Promise.reject(new Error('this agent keeps no images')),
  upgrade(_node: string, path: string, raw: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    consoles.handleUpgrade(raw, socket, head, (line) => {
      if (!path.includes('/console')) return
      line.send(Buffer.from('\r\nDebian GNU/Linux 12 web ttyS0\r\n\r\nweb login: '))
      line.on('message', (data: Buffer) => line.send(data))
    })
    return Promise.resolve()
  },
  close: () => {},
}

/** What a page has complained of: errors, refusals by the content security policy, and requests to others. */
export interface Complaints {
  errors: string[]
  foreign: string[]
}

/** A page in a browser context of its own, with what is wrong on it gathered. */
export async function openPage(
  browser: Browser,
  url: string,
  options: { language?: 'en' | 'zh'; theme?: 'light' | 'dark'; width?: number; height?: number } = {},
): Promise<{ page: Page; context: BrowserContext; complaints: Complaints }> {
  const { language = 'en', theme = 'light', width = 1360, height = 850 } = options
  const context = await browser.newContext({
    ignoreHTTPSErrors: true,
    locale: language === 'zh' ? 'zh-CN' : 'en-US',
    colorScheme: theme,
    viewport: { width, height },
  })
  const page = await context.newPage()
  const complaints: Complaints = { errors: [], foreign: [] }
  page.on('pageerror', (error) => complaints.errors.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) complaints.errors.push(message.text())
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !/^(data|blob):/.test(request.url())) complaints.foreign.push(request.url())
  })
  return { page, context, complaints }
}

/** Sign in on the page that is open. */
export async function signIn(page: Page, url: string, password: string, user = 'admin'): Promise<void> {
  await page.goto(`${url}/`)
  await page.fill('#user', user)
  await page.fill('#password', password)
  await page.click('button[type=submit]')
  await page.waitForSelector('.pf-v6-c-page__sidebar, .pf-v6-c-page')
  await page.waitForSelector('h1:not(.th-sign-in h1)')
}

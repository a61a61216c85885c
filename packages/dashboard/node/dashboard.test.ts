import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { VirtualMachineBackup } from '@thresher/api/harvester/virtual-machine-backup'
import { KeyPair } from '@thresher/api/harvester/key-pair'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { isReason } from '@thresher/api/error'
import { pages } from '../pages/pages.ts'
import { addExamples, addMachine } from './fixtures.ts'
import { openPage, signIn, startBrowser, startDashboard, type DashboardServer } from './testing.ts'

let dashboard: DashboardServer
let browser: Browser
const closing: (() => Promise<void>)[] = []

beforeAll(async () => {
  ;[dashboard, browser] = await Promise.all([startDashboard(), startBrowser()])
  await addExamples(dashboard.client)
}, 60_000)
afterAll(async () => {
  await browser?.close()
  await dashboard?.[Symbol.asyncDispose]()
})

/** A page with someone signed in; it must have nothing to report when the test is over. */
async function signedIn(options: Parameters<typeof openPage>[2] = {}, user = 'admin', password = dashboard.password) {
  const opened = await openPage(browser, dashboard.url, options)
  closing.push(() => opened.context.close())
  await signIn(opened.page, dashboard.url, password, user)
  return opened
}

async function visit(page: Page, hash: string): Promise<void> {
  await page.goto(`${dashboard.url}/${hash}`)
  await page.waitForSelector('h1')
}

const machines = () => dashboard.client.resource<VirtualMachine>(VirtualMachine)
const row = (page: Page, name: string) =>
  page.locator('tbody tr', { has: page.getByRole('link', { name, exact: true }) })

describe('the session', () => {
  test('begins with name and password, in a cookie that no script reads and no other site sends', async () => {
    const { page, context, complaints } = await signedIn()
    const [cookie] = await context.cookies()
    expect(cookie).toMatchObject({
      name: '__Host-thresher',
      httpOnly: true,
      secure: true,
      sameSite: 'Strict',
      path: '/',
    })
    expect(await page.evaluate(() => document.cookie)).toBe('')
    expect(await page.title()).toBe('Thresher')
    expect(complaints).toEqual({ errors: [], foreign: [] })
  })

  test('is refused for a wrong password with one sentence', async () => {
    const { page } = await openPage(browser, dashboard.url)
    await page.goto(`${dashboard.url}/`)
    await page.fill('#user', 'admin')
    await page.fill('#password', 'not the password')
    await page.click('button[type=submit]')
    await page.getByText('User name or password is wrong.').waitFor()
    await page.context().close()
  })

  test('that ends leaves a form half filled, and goes on after signing in again', async () => {
    const { page, context } = await signedIn()
    await visit(page, '#/ssh-keys/+')
    await page.fill('[id="field-metadata.name"]', 'half-filled')
    const [cookie] = await context.cookies()
    await dashboard.security.tokens.revoke(decodeURIComponent(cookie!.value))
    await page.fill('[id="field-spec.publicKey"]', 'ssh-ed25519 AAAA')
    await page.getByText('Your session has ended', { exact: true }).waitFor()
    await page.fill('#password', dashboard.password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('Your session has ended', { exact: true }).waitFor({ state: 'detached' })
    expect(await page.inputValue('[id="field-metadata.name"]')).toBe('half-filled')
    expect(await page.inputValue('[id="field-spec.publicKey"]')).toBe('ssh-ed25519 AAAA')
  })

  test('ends with signing out, at the server too', async () => {
    const { page, context } = await signedIn()
    const [cookie] = await context.cookies()
    await page.getByRole('button', { name: 'admin' }).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await page.waitForSelector('#user')
    expect(dashboard.security.tokens.find(decodeURIComponent(cookie!.value))).toBeUndefined()
  })

  test('shows only what the user may do', async () => {
    await dashboard.client.transport.request({
      method: 'POST',
      path: '/apis/auth.thresher.io/v1/users',
      body: { metadata: { name: 'viewer' }, spec: { password: 'a long enough password' } },
    })
    await dashboard.client.transport.request({
      method: 'POST',
      path: '/apis/rbac.authorization.k8s.io/v1/clusterroles',
      body: {
        metadata: { name: 'look' },
        rules: [{ apiGroups: ['kubevirt.io'], resources: ['*'], verbs: ['get', 'list', 'watch'] }],
      },
    })
    await dashboard.client.transport.request({
      method: 'POST',
      path: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
      body: {
        metadata: { name: 'look' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'look' },
        subjects: [{ kind: 'User', name: 'viewer' }],
      },
    })
    const { page } = await signedIn({}, 'viewer', 'a long enough password')
    await visit(page, '#/machines')
    await row(page, 'web-1').waitFor()
    const navigation = page.getByRole('navigation')
    expect(await navigation.getByRole('link', { name: 'Virtual machines' }).count()).toBe(1)
    expect(await navigation.getByRole('link', { name: 'Secrets' }).count()).toBe(0)
    expect(await page.getByRole('button', { name: 'Create', exact: true }).count()).toBe(0)
    expect(await page.getByRole('button', { name: 'Actions for web-1' }).count()).toBe(0)
    await visit(page, '#/secrets')
    await page.getByText('You may not do this.').waitFor()
  })
})

test('a tenant of one namespace lands there without choosing', async () => {
  const post = (path: string, body: unknown) => dashboard.client.transport.request({ method: 'POST', path, body })
  await post('/apis/auth.thresher.io/v1/users', {
    metadata: { name: 'tenant' },
    spec: { password: 'a long enough password', groups: ['web'] },
  })
  await post('/apis/rbac.authorization.k8s.io/v1/namespaces/team-web/rolebindings', {
    metadata: { name: 'web', namespace: 'team-web' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
    subjects: [{ kind: 'Group', name: 'web', apiGroup: 'rbac.authorization.k8s.io' }],
  })
  const { page, complaints } = await signedIn({}, 'tenant', 'a long enough password')
  await page.getByRole('button', { name: 'Namespace: team-web' }).waitFor()
  await visit(page, '#/machines')
  await row(page, 'analytics').waitFor()
  expect(await row(page, 'web-1').count()).toBe(0)
  await page.getByRole('button', { name: 'Create', exact: true }).waitFor()
  expect(complaints).toEqual({ errors: [], foreign: [] })
})

describe('virtual machines', () => {
  test('are made in three clicks, and the list follows what happens to them elsewhere', async () => {
    const { page, complaints } = await signedIn()
    await page.getByRole('button', { name: 'Create virtual machine' }).click()
    await page.waitForFunction(
      () => (document.getElementById('machine-name') as HTMLInputElement | null)?.value === 'vm-1',
    )
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    await page.getByRole('heading', { name: 'vm-1' }).waitFor()
    await page.locator('.th-summary').getByText('Running').waitFor()
    await visit(page, '#/machines?q=made-elsewhere')
    await addMachine(dashboard.client, 'made-elsewhere')
    await row(page, 'made-elsewhere').waitFor()
    await machines().delete('made-elsewhere', 'default')
    await row(page, 'made-elsewhere').waitFor({ state: 'detached' })
    expect(complaints).toEqual({ errors: [], foreign: [] })
  })

  test('are started and stopped, and stopping asks first', async () => {
    const { page } = await signedIn()
    await visit(page, '#/machines/default/mail')
    await page.getByRole('button', { name: 'Start', exact: true }).click()
    await page.locator('.th-summary').getByText('Running').waitFor()
    await page.getByRole('button', { name: 'Stop', exact: true }).click()
    await page.getByText('The guest is asked to shut down:').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Stop', exact: true }).click()
    await page.locator('.th-summary').getByText('Off').waitFor()
  })

  test('a selection ends with its object: one made anew under the name is not chosen, nor deleted', async () => {
    const { page } = await signedIn()
    await addMachine(dashboard.client, 'chosen')
    await visit(page, '#/machines?q=chosen')
    await row(page, 'chosen').getByRole('checkbox').check()
    await page.getByRole('button', { name: '1 selected' }).click()
    await page.getByRole('menuitem', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByText('default/chosen').waitFor()
    // While the question stands the machine goes and another takes its name.
    await machines().delete('chosen', 'default')
    await expect
      .poll(() =>
        machines()
          .get('chosen', 'default')
          .catch((error: unknown) => isReason(error, 'NotFound')),
      )
      .toBe(true)
    const next = await addMachine(dashboard.client, 'chosen')
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.waitForTimeout(500)
    expect((await machines().get('chosen', 'default')).metadata).toMatchObject({ uid: next.metadata.uid })
    expect((await machines().get('chosen', 'default')).metadata.deletionTimestamp).toBeUndefined()
    await row(page, 'chosen').waitFor()
    expect(await row(page, 'chosen').getByRole('checkbox').isChecked()).toBe(false)
  })

  test('have a serial console that echoes what is typed', async () => {
    const { page, complaints } = await signedIn()
    await visit(page, '#/machines/default/web-1?tab=serial')
    await page.waitForSelector('[data-link=connected]')
    await page.keyboard.type('root')
    await page.waitForFunction(() => document.querySelector('.xterm-rows')?.textContent?.includes('web login: root'))
    expect(complaints).toEqual({ errors: [], foreign: [] })
  })
})

describe('snapshots and copies', () => {
  const choose = async (page: Page, action: string) => {
    await page.getByRole('button', { name: 'Actions', exact: true }).click()
    await page.getByRole('menuitem', { name: action, exact: true }).click()
  }

  test('of a machine are taken by its menu and stand in its tab, from where one goes back or makes a new one', async () => {
    const { page, complaints } = await signedIn()
    await visit(page, '#/machines/default/database?tab=snapshots')
    await page.getByText('No snapshots yet').waitFor()
    await choose(page, 'Take snapshot')
    const dialog = page.getByRole('dialog')
    expect(await dialog.getByRole('textbox').inputValue()).toMatch(/^database-\d{4}-\d{4}$/)
    await dialog.getByRole('textbox').fill('monday')
    await dialog.getByRole('button', { name: 'Take snapshot' }).click()
    await page.getByRole('link', { name: 'monday' }).waitFor()
    const made = await dashboard.client.resource<VirtualMachineBackup>(VirtualMachineBackup).get('monday', 'default')
    expect(made.spec).toMatchObject({ type: 'snapshot', source: { kind: 'VirtualMachine', name: 'database' } })
    await visit(page, '#/snapshots')
    await row(page, 'monday').getByText('Under way').waitFor()
    expect(complaints).toEqual({ errors: [], foreign: [] })
  })

  test('a clone has a name of its own and copies of the disks', async () => {
    const { page } = await signedIn()
    await visit(page, '#/machines/default/web-2')
    await choose(page, 'Clone')
    await page.getByRole('dialog').getByRole('textbox').fill('web-3')
    await page.getByRole('dialog').getByRole('button', { name: 'Clone' }).click()
    await expect
      .poll(() =>
        machines()
          .get('web-3', 'default')
          .then(
            ({ metadata }) => metadata.annotations,
            () => undefined,
          ),
      )
      .toHaveProperty(
        ['harvesterhci.io/volumeClaimTemplates'],
        expect.stringContaining('"dataSource":{"kind":"PersistentVolumeClaim","name":"web-2-disk-0"}'),
      )
    await machines().delete('web-3', 'default')
  })
})

describe('disks', () => {
  test('that no machine has are attached to a running one, and detached again', async () => {
    const claims = dashboard.client.resource<PersistentVolumeClaim>(PersistentVolumeClaim)
    await claims.create({
      metadata: { name: 'spare', namespace: 'default' },
      spec: { accessModes: ['ReadWriteMany'], volumeMode: 'Block', resources: { requests: { storage: '3Gi' } } },
    })
    const { page, complaints } = await signedIn()
    await visit(page, '#/machines/default/web-1?tab=devices')
    await page.getByRole('button', { name: 'Attach a volume' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('combobox').selectOption({ label: 'spare (3 GiB)' })
    // What a machine has is not offered.
    expect(await dialog.getByRole('option', { name: /^web-1-disk-0/ }).count()).toBe(0)
    await dialog.getByRole('button', { name: 'Attach a volume' }).click()
    const disks = page.getByRole('grid', { name: 'Disks' })
    await disks.getByRole('link', { name: 'spare' }).waitFor()
    const { spec } = await machines().get('web-1', 'default')
    expect(spec.template.spec.volumes).toContainEqual({
      name: 'spare',
      persistentVolumeClaim: { claimName: 'spare', hotpluggable: true },
    })
    await page.getByRole('button', { name: 'Detach: spare' }).click()
    await disks.getByRole('link', { name: 'spare' }).waitFor({ state: 'detached' })
    expect(complaints).toEqual({ errors: [], foreign: [] })
  })
})

describe('lists', () => {
  test('have the columns that one wants, stand by namespace, and are kept as views', async () => {
    const { page, complaints } = await signedIn()
    await visit(page, '#/machines')
    const table = page.getByRole('grid', { name: 'Virtual machines' })
    await table.getByRole('columnheader', { name: 'Memory' }).waitFor()
    const menu = page.getByRole('button', { name: 'View', exact: true })
    await menu.click()
    await page.getByRole('checkbox', { name: 'Memory' }).uncheck()
    await table.getByRole('columnheader', { name: 'Memory' }).waitFor({ state: 'detached' })
    await page.getByRole('checkbox', { name: 'Group by namespace' }).check()
    expect(await table.locator('.th-group').allTextContents()).toEqual([
      expect.stringMatching(/^default \d+$/),
      expect.stringMatching(/^team-web \d+$/),
    ])
    await page.getByRole('menuitem', { name: 'Save this view' }).click()
    await page.getByRole('dialog').getByRole('textbox').fill('Teams')
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
    // Choosing all chooses machines, no headings.
    await page.getByRole('checkbox', { name: 'Select all rows' }).check()
    const { items } = await machines().list()
    await page.getByRole('button', { name: `${items.length} selected` }).waitFor()
    await visit(page, '#/hosts')
    await visit(page, '#/machines')
    await table.getByRole('columnheader', { name: 'Memory' }).waitFor()
    await menu.click()
    await page.getByRole('menuitem', { name: 'Teams' }).click()
    await table.locator('.th-group').first().waitFor()
    expect(await table.getByRole('columnheader', { name: 'Memory' }).count()).toBe(0)
    expect(complaints).toEqual({ errors: [], foreign: [] })
  })

  test('are reached and searched by keys, which a question mark lists, and which are letters where one types', async () => {
    const { page } = await signedIn()
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.keyboard.press('g')
    await page.keyboard.press('h')
    await page.getByRole('heading', { name: 'Hosts' }).waitFor()
    await row(page, 'node-1').waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('gm?')
    await page.waitForFunction(() => location.hash.includes('q=gm%3F'))
    expect(await page.getByRole('heading', { name: 'Hosts' }).count()).toBe(1)
    expect(await page.getByRole('dialog').count()).toBe(0)
  })
})

describe('usage', () => {
  test('of a machine, a host and the cluster is drawn, read with the keyboard, and shown as long as one likes', async () => {
    const { page, complaints } = await signedIn()
    await visit(page, '#/machines/default/web-1?tab=usage')
    const cpu = page.getByRole('img', { name: /^CPU · 1 CPU/ })
    await cpu.waitFor()
    expect(await cpu.getAttribute('aria-label')).toMatch(/^CPU · 1 CPU\. CPU: \d+%$/)
    await page.getByRole('img', { name: /^Network\. Received: .*\/s, Sent: .*\/s$/ }).waitFor()
    await cpu.focus()
    await page.keyboard.press('Home')
    // An hour ago there was no such machine yet; now there is.
    await page.getByRole('img', { name: 'CPU · 1 CPU. CPU: —' }).waitFor()
    await page.keyboard.press('End')
    await page.getByRole('img', { name: /CPU: \d+%/ }).waitFor()
    await page.getByRole('button', { name: 'Last 24 hours' }).click()
    await page.getByRole('button', { name: 'Last 24 hours', pressed: true }).waitFor()
    await visit(page, '#/hosts/node-1?tab=usage')
    await page.getByRole('img', { name: /^Memory · / }).waitFor()
    await visit(page, '#/')
    await page.getByRole('img', { name: /^CPU · / }).waitFor()
    expect(await page.locator('.th-chart-line').first().getAttribute('d')).toMatch(
      /^M[\d.]+ [\d.]+(L[\d.]+ [\d.]+){20,}/,
    )
    expect(complaints).toEqual({ errors: [], foreign: [] })
  })
})

describe('objects', () => {
  test('are made by a form whose faults stand at their fields while one types, and changed by another', async () => {
    const { page } = await signedIn()
    await visit(page, '#/ssh-keys/+')
    await page.fill('[id="field-metadata.name"]', 'me')
    await page.fill('[id="field-spec.publicKey"]', 'no key')
    await page.getByText('ssh-ed25519 AAAAC3').waitFor()
    await page.fill(
      '[id="field-spec.publicKey"]',
      'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUj0TiSxU0BRwTl3Jm1gGcOqQRr5sTQxD5M9vYyYb0V me',
    )
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    await page.getByRole('heading', { name: 'me', exact: true }).waitFor()
    expect((await dashboard.client.resource<KeyPair>(KeyPair).get('me', 'default')).spec.publicKey).toContain('AAAAC3')
  })

  test('changed by two at once show both versions before anything is overwritten', async () => {
    const { page } = await signedIn()
    await visit(page, '#/machines/default/monitoring?tab=yaml')
    await page.waitForSelector('.cm-content')
    await page.locator('.cm-line', { hasText: 'runStrategy: Halted' }).click()
    await page.keyboard.press('End')
    await page.keyboard.type(' # mine')
    await machines().patch('monitoring', 'default', { metadata: { labels: { theirs: 'yes' } } })
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('heading', { name: 'Someone else has changed this meanwhile' }).waitFor()
    await page.locator('.th-diff-first', { hasText: 'theirs: yes' }).waitFor()
    await page.getByRole('button', { name: 'Take theirs' }).click()
    await page.locator('.cm-line', { hasText: 'theirs: yes' }).waitFor()
  })

  test('deleted under an open form say so and keep what was typed', async () => {
    const { page } = await signedIn()
    await addMachine(dashboard.client, 'short-lived')
    await visit(page, '#/machines/default/short-lived?tab=yaml')
    await page.locator('.cm-line', { hasText: 'runStrategy: Halted' }).click()
    await page.keyboard.press('End')
    await page.keyboard.type(' # typed')
    await machines().delete('short-lived', 'default')
    await page.getByText('short-lived has been deleted').waitFor()
    expect(await page.locator('.cm-line', { hasText: '# typed' }).count()).toBe(1)
  })

  test('of a CustomResourceDefinition are shown by its schema and printer columns', async () => {
    await dashboard.client.transport.request({
      method: 'POST',
      path: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
      body: {
        metadata: { name: 'widgets.example.com' },
        spec: {
          group: 'example.com',
          scope: 'Namespaced',
          names: { kind: 'Widget', plural: 'widgets', singular: 'widget' },
          versions: [
            {
              name: 'v1',
              served: true,
              storage: true,
              schema: {
                openAPIV3Schema: {
                  type: 'object',
                  properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } },
                },
              },
              additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
            },
          ],
        },
      },
    })
    const body = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'one' }, spec: { size: 42 } }
    const make = () =>
      dashboard.client.transport
        .request({ method: 'POST', path: '/apis/example.com/v1/namespaces/default/widgets', body })
        .then(
          () => true,
          () => false,
        )
    await expect.poll(make).toBe(true)
    const { page } = await signedIn()
    await visit(page, '#/kinds')
    await page.getByRole('link', { name: 'Widget', exact: true }).click()
    await row(page, 'one').getByText('42').waitFor()
  })
})

describe('the connection', () => {
  test('that is cut is said, and what happened meanwhile is there afterwards', async () => {
    const { page, context } = await signedIn()
    await visit(page, '#/machines/+')
    await page.waitForSelector('#machine-name')
    // Chromium leaves WebSockets open when it plays offline; the check of what is typed notices.
    await context.setOffline(true)
    await page.fill('#machine-name', 'typed-offline')
    await page.getByText('The server cannot be reached').first().waitFor()
    await addMachine(dashboard.client, 'made-offline')
    expect(await page.inputValue('#machine-name')).toBe('typed-offline')
    await context.setOffline(false)
    await visit(page, '#/machines?q=offline')
    await row(page, 'made-offline').waitFor()
    await page.getByText('The server cannot be reached').waitFor({ state: 'detached' })
  })
})

describe('every page', () => {
  const places = [
    '#/',
    '#/machines/+',
    '#/machines/default/web-1',
    '#/machines/default/web-1?tab=yaml',
    '#/machines/default/web-1?tab=usage',
    '#/hosts/node-1?tab=usage',
    '#/images/+',
    '#/kinds',
    '#/kind/core/pods',
    ...pages.map(({ path }) => `#/${path}`),
  ]

  test.each([
    ['en', 'light'],
    ['en', 'dark'],
    ['zh', 'light'],
    ['zh', 'dark'],
  ] as const)(
    'in %s and %s has nothing that keeps people out, no error and no request to others',
    async (language, theme) => {
      const { page, complaints } = await signedIn({ language, theme })
      const found: string[] = []
      for (const place of places) {
        await visit(page, place)
        await page.waitForFunction(() => !document.querySelector('.pf-v6-c-spinner, [aria-busy=true]'))
        await page.evaluate(axe.source)
        const result = await page.evaluate(() =>
          (window as unknown as { axe: typeof axe }).axe.run({
            runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'],
          }),
        )
        for (const { id, impact, nodes } of result.violations)
          if (impact === 'serious' || impact === 'critical')
            found.push(
              `${place} ${id}: ${nodes
                .map(({ target, failureSummary }) => `${String(target)} ${failureSummary}`)
                .slice(0, 2)
                .join(' | ')}`,
            )
      }
      expect(found).toEqual([])
      expect(complaints).toEqual({ errors: [], foreign: [] })
    },
    120_000,
  )
})

describe('the build', () => {
  test('loads less than 300 KiB of packed script for sign-in and overview', async () => {
    const { page, context } = await openPage(browser, dashboard.url)
    const scripts = new Set<string>()
    page.on('response', (response) => {
      if (response.url().endsWith('.js')) scripts.add(new URL(response.url()).pathname.split('/').at(-1)!)
    })
    await signIn(page, dashboard.url, dashboard.password)
    await page.waitForLoadState('networkidle')
    await context.close()
    const folder = join(import.meta.dirname, '../dist/ui')
    const bytes = [...scripts].reduce((sum, name) => sum + gzipSync(readFileSync(join(folder, name))).length, 0)
    expect(scripts.size).toBeGreaterThan(0)
    console.log(`first load: ${scripts.size} scripts, ${(bytes / 1024).toFixed(0)} KiB packed`)
    expect(bytes).toBeLessThan(300 * 1024)
  })

  test('has names with a hash, kept for good, and a page that is never kept', async () => {
    const { page, context } = await openPage(browser, dashboard.url)
    const response = await page.goto(`${dashboard.url}/`)
    expect(response!.headers()['cache-control']).toBe('no-cache')
    expect(response!.headers()['content-security-policy']).not.toContain('unsafe')
    const script = readdirSync(join(import.meta.dirname, '../dist/ui')).find((name) => name.endsWith('.js'))!
    expect(script).toMatch(/-[\w-]{8}\.js$/)
    const asset = await context.request.get(`${dashboard.url}/ui/${script}`)
    expect(asset.headers()['cache-control']).toContain('immutable')
    for (const name of ['..%2findex.html', '../index.html', '.inputs', 'none.js'])
      expect((await context.request.get(`${dashboard.url}/ui/${name}`)).status(), name).not.toBe(200)
    await context.close()
  })
})

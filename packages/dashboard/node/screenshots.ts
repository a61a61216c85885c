import { mkdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { addExamples } from './fixtures.ts'
import { openPage, signIn, startBrowser, startDashboard, type DashboardServer } from './testing.ts'

/** A picture: where in the dashboard, and what is done there before it is taken. */
interface Shot {
  name: string
  hash: string
  options?: Parameters<typeof openPage>[2]
  wait?: string
}

const shots: Shot[] = [
  { name: 'overview', hash: '#/' },
  { name: 'overview-dark-zh', hash: '#/', options: { theme: 'dark', language: 'zh' } },
  { name: 'overview-phone', hash: '#/', options: { width: 390, height: 780 } },
  { name: 'machines', hash: '#/machines', wait: 'tbody tr' },
  { name: 'machines-grouped', hash: '#/machines?group=namespace&hide=cpus', wait: 'tbody tr' },
  { name: 'machines-phone', hash: '#/machines', options: { width: 390, height: 780 }, wait: 'tbody tr' },
  { name: 'machine', hash: '#/machines/default/web-1' },
  { name: 'machine-serial', hash: '#/machines/default/web-1?tab=serial', wait: '[data-link=connected]' },
  { name: 'machine-usage', hash: '#/machines/default/web-1?tab=usage', wait: '.th-chart' },
  {
    name: 'machine-usage-dark-zh',
    hash: '#/machines/default/web-1?tab=usage',
    options: { theme: 'dark', language: 'zh' },
    wait: '.th-chart',
  },
  { name: 'machine-snapshots', hash: '#/machines/default/web-1?tab=snapshots' },
  { name: 'machine-devices', hash: '#/machines/default/web-1?tab=devices' },
  { name: 'machine-yaml', hash: '#/machines/default/web-1?tab=yaml' },
  { name: 'machine-yaml-dark', hash: '#/machines/default/web-1?tab=yaml', options: { theme: 'dark' } },
  { name: 'machine-create', hash: '#/machines/+', wait: '#machine-name' },
  {
    name: 'machine-create-zh-dark',
    hash: '#/machines/+',
    options: { theme: 'dark', language: 'zh' },
    wait: '#machine-name',
  },
  { name: 'images', hash: '#/images', wait: 'tbody tr' },
  { name: 'image-create', hash: '#/images/+', wait: 'form' },
  { name: 'volumes', hash: '#/volumes', wait: 'tbody tr' },
  { name: 'snapshots', hash: '#/snapshots' },
  { name: 'volume-snapshots', hash: '#/volume-snapshots' },
  { name: 'storage-classes', hash: '#/storage-classes' },
  { name: 'networks', hash: '#/networks' },
  { name: 'cluster-networks', hash: '#/cluster-networks' },
  { name: 'hosts', hash: '#/hosts', wait: 'tbody tr' },
  { name: 'host', hash: '#/hosts/node-1' },
  { name: 'host-usage', hash: '#/hosts/node-1?tab=usage', wait: '.th-chart' },
  { name: 'namespaces', hash: '#/namespaces', wait: 'tbody tr' },
  { name: 'templates', hash: '#/templates' },
  { name: 'ssh-keys', hash: '#/ssh-keys', wait: 'tbody tr' },
  { name: 'secrets', hash: '#/secrets' },
  { name: 'settings', hash: '#/settings', wait: 'tbody tr' },
  { name: 'users', hash: '#/users', wait: 'tbody tr' },
  { name: 'user-create', hash: '#/users/+', wait: 'form' },
  { name: 'roles', hash: '#/roles', wait: 'tbody tr' },
  { name: 'role-bindings', hash: '#/role-bindings', wait: 'tbody tr' },
  { name: 'events', hash: '#/events', wait: 'tbody tr' },
  { name: 'kinds', hash: '#/kinds', wait: 'tbody tr' },
  { name: 'any-kind', hash: '#/kind/core/pods', wait: 'tbody tr' },
]

/** Take pictures of every page, or of those whose name holds the filter, into a folder.  */
export async function takeScreenshots(dashboard: DashboardServer, folder: string, filter = ''): Promise<void> {
  await mkdir(folder, { recursive: true })
  await using browser = await startBrowser()
  if ('sign-in'.includes(filter)) {
    const { page, context } = await openPage(browser, dashboard.url)
    await page.goto(`${dashboard.url}/`)
    await page.waitForSelector('#user')
    await page.screenshot({ path: join(folder, 'sign-in.png') })
    await context.close()
  }
  for (const { name, hash, options, wait } of shots.filter((shot) => shot.name.includes(filter))) {
    const { page, context, complaints } = await openPage(browser, dashboard.url, options)
    await signIn(page, dashboard.url, dashboard.password)
    await page.goto(`${dashboard.url}/${hash}`)
    if (wait) await page.waitForSelector(wait)
    await page.waitForTimeout(1200)
    const path = join(folder, `${name}.png`)
    await page.screenshot({ path })
    console.log(name, (await stat(path)).size, ...complaints.errors, ...complaints.foreign)
    await context.close()
  }
}

if (import.meta.main) {
  const [filter = '', folder = resolve(import.meta.dirname, '../../../docs/images/dashboard')] = process.argv.slice(2)
  // What is shown was made over some days, so that its past can be seen.
  let backMs = 50 * 3_600_000
  await using dashboard = await startDashboard({ now: () => Date.now() - backMs })
  await addExamples(dashboard.client)
  backMs = 0
  await takeScreenshots(dashboard, folder, filter)
}

import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { machineManifest } from '@thresher/api/kubevirt/machine-manifest'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { openPage, signIn, startBrowser, startDashboard, type DashboardServer } from './testing.ts'

const count = 5000
const updates = 250

let dashboard: DashboardServer
let browser: Browser

beforeAll(async () => {
  ;[dashboard, browser] = await Promise.all([startDashboard({ simulate: false }), startBrowser()])
  const machines = dashboard.client.resource<VirtualMachine>(VirtualMachine)
  const names = Array.from({ length: count }, (_, index) => `load-${String(index).padStart(4, '0')}`)
  const options = {
    namespace: 'default',
    cpus: 1,
    memory: '1Gi',
    disk: '1Gi',
    keys: [],
    runStrategy: 'Halted',
    efi: false,
  }
  for (let at = 0; at < count; at += 100)
    await Promise.all(
      names
        .slice(at, at + 100)
        .map((name) => machines.create(machineManifest({ ...options, name }) as unknown as VirtualMachine)),
    )
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await dashboard?.[Symbol.asyncDispose]()
})

test('a list of 5000 machines draws only what is in sight, keeps up with changes, and finds one', async () => {
  const { page, context, complaints } = await openPage(browser, dashboard.url)
  await signIn(page, dashboard.url, dashboard.password)
  await page.goto(`${dashboard.url}/#/machines`)
  await page.getByText(`5,000 of 5,000`).waitFor()
  const drawn = () => page.locator('.th-table tbody tr:not(.th-spacer)').count()
  expect(await drawn()).toBeLessThan(60)

  // Changes all over the list come while someone scrolls.
  const machines = dashboard.client.resource<VirtualMachine>(VirtualMachine)
  const changing = (async () => {
    for (let update = 0; update < updates; update++) {
      const name = `load-${String((update * 37) % count).padStart(4, '0')}`
      await machines.patch(name, 'default', { metadata: { labels: { update: String(update) } } })
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })()
  const frames = await page.evaluate(async () => {
    const frame = document.querySelector('.th-table-frame')!
    const times: number[] = []
    const start = performance.now()
    let last = start
    while (performance.now() - start < 5000) {
      await new Promise(requestAnimationFrame)
      const now = performance.now()
      times.push(now - last)
      last = now
      // As fast as a hand turns a wheel: 60 rows a second.
      frame.scrollTop = ((now - start) / 1000) * 60 * 45
    }
    frame.scrollTop = frame.scrollHeight
    return times
  })
  await changing
  expect(await drawn()).toBeLessThan(60)
  expect(
    await page
      .locator('.th-table tbody')
      .getByText(/load-49\d\d/)
      .count(),
  ).toBeGreaterThan(0)

  await page.getByRole('searchbox').or(page.getByPlaceholder('Search in Virtual machines')).first().fill('load-4242')
  await page.getByText('1 of 5,000').waitFor()
  expect(await drawn()).toBe(1)
  // The last change is shown, and it is found by.
  const lastName = `load-${String(((updates - 1) * 37) % count).padStart(4, '0')}`
  await page.getByPlaceholder('Search in Virtual machines').fill(`update=${updates - 1}`)
  await page.getByRole('link', { name: lastName }).waitFor()

  const sorted = frames.toSorted((a, b) => a - b)
  const heap = await page.evaluate(
    () => (performance as unknown as { memory?: { usedJSHeapSize: number } }).memory?.usedJSHeapSize ?? 0,
  )
  console.log(
    `5000 machines, 50 updates/s while scrolling: ${(frames.length / 5).toFixed(0)} frames/s, p95 ${sorted[Math.floor(sorted.length * 0.95)]?.toFixed(0)} ms, heap ${(heap / 2 ** 20).toFixed(0)} MiB`,
  )
  expect(heap).toBeLessThan(400 * 2 ** 20)
  expect(complaints).toEqual({ errors: [], foreign: [] })
  await context.close()
}, 60_000)

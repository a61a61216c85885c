import { User } from '@thresher/api/auth/user'
import { isReason } from '@thresher/api/error'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { openPage, signIn, startBrowser } from '@thresher/dashboard/node/testing'
import { beforeAll, expect, test } from 'vitest'
import { Product } from './product.ts'

const product = new Product()
const password = 'a password for the journey'

beforeAll(async () => {
  await product.client.resource<User>(User).create({
    metadata: { name: 'traveller' },
    spec: { password, groups: ['thresher:administrators'] },
  } as User)
})

test('from signing in to a running guest, a name typed at its console’s login, and its end', async () => {
  await product.image()
  const url = `https://${product.info.address}:6443`
  await using browser = await startBrowser()
  const { page, complaints } = await openPage(browser, url)
  await signIn(page, url, password, 'traveller')

  await page.getByRole('button', { name: 'Create virtual machine' }).click()
  await page.fill('#machine-name', 'journey')
  await page.getByRole('button', { name: 'More options' }).click()
  await page.fill('#machine-memory', '192Mi')
  await page.fill('#machine-disk', '1Gi')
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  await page.locator('.th-summary').getByText('Running').waitFor({ timeout: 60_000 })

  await page.getByRole('tab', { name: 'Screen' }).click()
  await page.waitForSelector('.th-screen[data-link=connected] canvas', { timeout: 30_000 })

  await page.getByRole('tab', { name: 'Serial console' }).click()
  await page.waitForSelector('.th-serial[data-link=connected]')
  await page.locator('.th-serial').click()
  const screen = page.locator('.xterm-rows')
  await expect.poll(() => screen.textContent(), { timeout: 60_000 }).toContain('journey login:')
  await page.keyboard.type('root\n')
  await expect.poll(() => screen.textContent(), { timeout: 20_000 }).toContain('Password:')

  await page.getByRole('button', { name: 'Actions' }).click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.getByText('journey has been deleted').waitFor({ timeout: 60_000 })
  const machines = product.client.resource<VirtualMachine>(VirtualMachine)
  await expect(machines.get('journey', 'default')).rejects.toSatisfy((error) => isReason(error, 'NotFound'))
  expect(complaints).toEqual({ errors: [], foreign: [] })
})

test('an image goes up from the browser, while its user looks at another page, until machines can start from it', async () => {
  const url = `https://${product.info.address}:6443`
  await using browser = await startBrowser()
  const { page, complaints } = await openPage(browser, url)
  await signIn(page, url, password, 'traveller')
  await page.goto(`${url}/#/images/+`)
  await page.fill('[id="field-spec.displayName"]', 'from-the-browser')
  await page.selectOption('[id="field-spec.sourceType"]', 'upload')
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  await page.getByRole('heading', { name: 'from-the-browser' }).waitFor()
  await page.locator('input[type=file]').setInputFiles(product.info.guestImage)
  await page.goto(`${url}/#/hosts`)
  await page.waitForSelector('.th-table')
  const images = product.client.resource<VirtualMachineImage>(VirtualMachineImage)
  const uploaded = async () =>
    (await images.list({ namespace: 'default' })).items.find(({ spec }) => spec.displayName === 'from-the-browser')
  await expect.poll(async () => (await uploaded())?.status?.progress, { timeout: 60_000 }).toBe(100)
  await page.goto(`${url}/#/images?q=from-the-browser`)
  await page.locator('tbody tr').getByText('Ready').waitFor()
  expect(complaints).toEqual({ errors: [], foreign: [] })
})

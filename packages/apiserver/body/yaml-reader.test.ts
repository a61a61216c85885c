import { afterEach, expect, test } from 'vitest'
import { YamlReader } from './yaml-reader.ts'

const reader = new YamlReader()
afterEach(() => reader.close())

const large = Buffer.from(
  `data:\n${Array.from({ length: 3000 }, (_, index) => `  key-${index}: value ${index}\n`).join('')}`,
)

test('a large document is read by a process of its own, while the event loop goes on', async () => {
  let ticks = 0
  const timer = setInterval(() => ticks++, 1)
  const value = (await reader.read(large, 'a')) as { data: Record<string, string> }
  clearInterval(timer)
  expect(value.data['key-2999']).toBe('value 2999')
  expect(ticks).toBeGreaterThan(3)
})

test('what is wrong with a large document is said as of a small one', async () => {
  const text = `${large.toString()}  key-5: again\n`
  await expect(reader.read(Buffer.from(text), 'a')).rejects.toThrow('the key "key-5" is there twice, at line 3002')
})

test('one sender has few documents waiting, and others are read all the same', async () => {
  const many = Array.from({ length: 6 }, () => reader.read(large, 'greedy'))
  const other = reader.read(large, 'modest')
  const results = await Promise.allSettled(many)
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
  expect(results.at(-1)).toMatchObject({ reason: { reason: 'TooManyRequests' } })
  await expect(other).resolves.toBeDefined()
})

test('a stopped reader refuses what it was at, and reads again when asked', async () => {
  const reading = reader.read(large, 'a')
  reader.close()
  await expect(reading).rejects.toThrow('the server is stopping')
  await expect(reader.read(large, 'a')).resolves.toBeDefined()
})

test('a document that needs more memory than the process may have ends only that process', async () => {
  // Each bracket is a value of its own in the library's tree.
  const brackets = Buffer.from(`x: ${'['.repeat(1_000_000)}\n`)
  await expect(reader.read(brackets, 'a')).rejects.toMatchObject({ reason: 'BadRequest' })
  await expect(reader.read(large, 'a')).resolves.toBeDefined()
})

import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { RepositoryKey } from './repository-key.ts'
import { seal, unseal } from './sealed.ts'

describe('a recovery key', () => {
  const key = RepositoryKey.generate()

  test('comes back from paper, with the usual slips', () => {
    const text = key.text()
    expect(text).toMatch(/^TBK1(-[0-9A-Z]{1,5})+$/)
    const slips = text
      .toLowerCase()
      .replaceAll('-', ' ')
      .replaceAll('0', 'O')
      .replaceAll('1', 'l')
      .replace('tbkl', 'tbk1')
    expect(RepositoryKey.parse(slips).derive('r')).toEqual(key.derive('r'))
  })

  test('with one sign wrong or missing is refused, whichever', () => {
    const signs = key.text().replaceAll('-', '')
    for (let index = 4; index < signs.length - 1; index++) {
      const other = signs[index] === 'A' ? 'B' : 'A'
      const wrong = signs.slice(0, index) + other + signs.slice(index + 1)
      const missing = signs.slice(0, index) + signs.slice(index + 1)
      for (const text of [wrong, missing]) expect(() => RepositoryKey.parse(text), text).toThrow(/no recovery key/)
    }
    expect(() => RepositoryKey.parse('hello')).toThrow('begins with TBK1')
  })

  test('gives each repository and each purpose a key of its own', () => {
    const [one, other] = [key.derive('one'), key.derive('other')]
    const all = [one, other].flatMap(({ encryption, identity, check }) => [
      encryption.toString('hex'),
      identity.toString('hex'),
      check,
    ])
    expect(new Set(all).size).toBe(6)
  })
})

describe('a sealed object', () => {
  const key = randomBytes(32)
  const name = Buffer.from('block')

  test.each([
    ['text', Buffer.from('x'.repeat(100_000))],
    ['noise', randomBytes(100_000)],
    ['nothing', Buffer.alloc(0)],
  ])('of %s comes back, and says nothing of itself', async (_, content) => {
    const sealed = await seal(key, name, content)
    expect(await unseal(key, name, sealed, 100_000)).toEqual(content)
    expect(sealed.length).toBeLessThan(content.length + 64)
    expect(await seal(key, name, content)).not.toEqual(sealed)
  })

  test('with any bit changed, cut anywhere, or under another name or key is refused', async () => {
    const sealed = await seal(key, name, Buffer.from('a guest’s bytes '.repeat(8)))
    for (let index = 0; index < sealed.length; index++) {
      const changed = Buffer.from(sealed)
      changed[index]! ^= 1 << (index % 8)
      await expect(unseal(key, name, changed, 1000), `byte ${index}`).rejects.toThrow(/seal is broken|form/)
      await expect(unseal(key, name, sealed.subarray(0, index), 1000)).rejects.toThrow(/seal is broken|cut off/)
    }
    await expect(unseal(key, Buffer.from('other'), sealed, 1000)).rejects.toThrow('seal is broken')
    await expect(unseal(randomBytes(32), name, sealed, 1000)).rejects.toThrow('seal is broken')
  })

  test('that unpacks to more than it may is refused', async () => {
    const bomb = await seal(key, name, Buffer.alloc(10_000_000))
    expect(bomb.length).toBeLessThan(2000)
    await expect(unseal(key, name, bomb, 1_000_000)).rejects.toThrow('cannot be unpacked')
  })
})

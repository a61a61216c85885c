import { createHash, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { md5 } from './md5.ts'

test('digests are those of OpenSSL, for every length around a block', () => {
  for (let length = 0; length < 200; length++) {
    const bytes = randomBytes(length)
    expect(md5(bytes).toHex(), String(length)).toBe(createHash('md5').update(bytes).digest('hex'))
  }
})

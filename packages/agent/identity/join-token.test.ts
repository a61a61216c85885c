import { newAuthority } from '@thresher/apiserver/pki/certificate'
import { expect, it } from 'vitest'
import { authorityHash, formatJoinToken, isAuthority, parseJoinToken } from './join-token.ts'

const ca = newAuthority('cluster')
const token = { bearer: 'abcdef.0123456789abcdef', authority: authorityHash(ca.cert) }

it('a join token holds what the server is shown and by what the server is known', () => {
  expect(parseJoinToken(` ${formatJoinToken(token)}\n`)).toEqual(token)
  for (const text of ['', 'abcdef.0123456789abcdef', `${token.bearer}.${'0'.repeat(63)}`, `ABCDEF.${token.authority}`])
    expect(parseJoinToken(text)).toBeUndefined()
})

it('an authority is known by its key alone', () => {
  expect(isAuthority(ca.cert, token)).toBe(true)
  // Issued again from the same key, as after ten years.
  expect(isAuthority(newAuthority('cluster', ca.key).cert, token)).toBe(true)
  expect(isAuthority(newAuthority('cluster').cert, token)).toBe(false)
  expect(isAuthority('no certificate', token)).toBe(false)
})

import { describe, expect, it } from 'vitest'
import {
  defaultGuestUids,
  freeGroup,
  freeUid,
  guestUidConflict,
  isGuestUid,
  isVolumeGroup,
  parseGuestUids,
  readIdTables,
  type IdTables,
} from './guest-uids.ts'

const uids = parseGuestUids('100000-101023')
const free: IdTables = { names: ['root:x:0:0::/root:/bin/sh'], ranges: ['jane:200000:65536'], maps: ['0 0 4294967295'] }

describe('the numbers of guests', () => {
  it('are read as a range', () => {
    expect(uids).toEqual({ first: 100_000, count: 1024 })
    expect([99_999, 100_000, 101_023, 101_024].map((id) => isGuestUid(uids, id))).toEqual([false, true, true, false])
  })

  it.each(['', '5', '0-65535', '100-2000', '2000-1000', '5000-5010', '1900000000-4294967295', '1e5-2e5', ' 1000-9000'])(
    'are not %j',
    (text) => expect(() => parseGuestUids(text)).toThrow(RangeError),
  )

  it('of runs and of shared volumes never meet, whoever has which', () => {
    const taken = new Set<number>()
    for (let count = 0; count < 512; count++) {
      const [user, group] = [freeUid(uids, (id) => taken.has(id)), freeGroup(uids, (id) => taken.has(id))]
      expect([isGuestUid(uids, user), isVolumeGroup(uids, user), isVolumeGroup(uids, group)]).toEqual([
        true,
        false,
        true,
      ])
      expect([taken.has(user), taken.has(group)]).toEqual([false, false])
      taken.add(user).add(group)
    }
    expect(() => freeUid(uids, (id) => taken.has(id))).toThrow('--guest-uids')
  })

  it('are refused when a user, a group or a range of subordinate numbers of the host has one of them, or a container lacks them', () => {
    expect(guestUidConflict(uids, free)).toBeUndefined()
    const conflict = (change: Partial<IdTables>) => guestUidConflict(uids, { ...free, ...change })
    expect(conflict({ names: ['', 'jane:x:100500:100::/:/bin/sh'] })).toContain('that of jane')
    expect(conflict({ ranges: ['joe:65536:65536'] })).toContain('belong to joe')
    expect(conflict({ maps: ['0 100000 65536'] })).toContain('container')
    expect(conflict({ ranges: ['joe:65536:34464', 'jim:101024:1'] })).toBeUndefined()
  })

  it('are free on this host by default', () => {
    expect(guestUidConflict(parseGuestUids(defaultGuestUids), readIdTables())).toBeUndefined()
  })
})

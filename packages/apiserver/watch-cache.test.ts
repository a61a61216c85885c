import { describe, expect, test } from 'vitest'
import { encodeObject, objectPrefix } from './entry.ts'
import { WatchCache } from './watch-cache.ts'

const prefix = objectPrefix('v1', 'ConfigMap')
const value = (name: string, data?: unknown) => encodeObject(prefix, { metadata: { name }, data } as never)
const stored = (name: string, revision: number, data?: unknown) => ({
  key: `/core/configmaps/default/${name}`,
  value: value(name, data),
  revision,
})
const deleted = (name: string, revision: number) => ({ key: `/core/configmaps/default/${name}`, revision })

function cacheOf(limits = { events: 1000, bytes: 1e9, ageMs: 1e9 }): WatchCache {
  const cache = new WatchCache('/core/configmaps/', prefix, limits)
  cache.load([stored('a', 1), stored('c', 2)], 5)
  return cache
}
const names = (cache: WatchCache, revision?: number) =>
  (revision === undefined ? cache.entries() : cache.entriesAt(revision))?.map(
    (entry) => `${entry.name}@${entry.revision}`,
  )

describe('the cache of a kind', () => {
  test('shows its objects in order, and as they were at any revision within the window', () => {
    const cache = cacheOf()
    cache.apply([stored('b', 6), deleted('a', 7), stored('c', 8)])
    expect(names(cache)).toEqual(['b@6', 'c@8'])
    expect(names(cache, 5)).toEqual(['a@1', 'c@2'])
    expect(names(cache, 6)).toEqual(['a@1', 'b@6', 'c@2'])
    expect(names(cache, 7)).toEqual(['b@6', 'c@2'])
    expect(names(cache, 4)).toBeUndefined()
  })

  test('never changes an array that it has given out', () => {
    const cache = cacheOf()
    const before = cache.entries()
    cache.apply([stored('b', 6)])
    expect(before.map((entry) => entry.name)).toEqual(['a', 'c'])
  })

  test('forgets the oldest events when there are too many, and says from where it still knows', () => {
    const cache = cacheOf({ events: 200, bytes: 1e9, ageMs: 1e9 })
    for (let revision = 6; revision < 1006; revision += 1) cache.apply([stored('a', revision)])
    expect(cache.window.end - cache.window.first).toBe(200)
    expect(cache.window.floor).toBe(805)
    expect(cache.window.at(cache.window.after(900)).revision).toBe(901)
    expect(cache.entriesAt(800)).toBeUndefined()
    expect(names(cache, 805)).toEqual(['a@805', 'c@2'])
  })

  test('after the store lost its watch, tells the difference and nothing else', () => {
    const cache = cacheOf()
    cache.apply([stored('b', 6)])
    const from = cache.window.end
    cache.load([stored('b', 6), stored('c', 9, { new: 'yes' }), stored('d', 8)], 20)
    const events = []
    for (let sequence = from; sequence < cache.window.end; sequence += 1) {
      const event = cache.window.at(sequence)
      events.push([event.key, event.revision, event.previous?.revision, event.entry?.revision])
    }
    expect(events).toEqual([
      ['default/d', 8, undefined, 8],
      ['default/c', 9, 2, 9],
      ['default/a', 20, 1, undefined],
    ])
    expect(names(cache)).toEqual(['b@6', 'c@9', 'd@8'])
  })
})

describe('an entry', () => {
  test('is the same object as JSON and parsed, with its revision as resourceVersion', () => {
    const cache = cacheOf()
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { resourceVersion: '1', name: 'a' } }
    const entry = cache.get('default/a')!
    expect(entry.object(prefix)).toEqual(object)
    expect(JSON.parse(entry.json(Buffer.from(prefix)).toString())).toEqual(object)
    expect(entry.jsonLength(Buffer.from(prefix))).toBe(entry.json(Buffer.from(prefix)).length)
  })

  test('takes in values that were written in another order of fields', () => {
    const cache = cacheOf()
    const odd = Buffer.from(
      '{"kind":"ConfigMap","metadata":{"name":"odd","resourceVersion":"3"},"apiVersion":"v1","data":{"ä":"ö"}}',
    )
    cache.apply([{ key: '/core/configmaps/default/odd', value: odd, revision: 6 }])
    expect(cache.get('default/odd')!.object(prefix)).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'odd', resourceVersion: '6' },
      data: { ä: 'ö' },
    })
  })
})

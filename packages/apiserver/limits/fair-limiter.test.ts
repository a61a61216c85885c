import { describe, expect, test } from 'vitest'
import { FairLimiter } from './fair-limiter.ts'

const get = { verb: 'get', resourceRequest: true, path: '', group: '', resource: 'pods' }
const user = (name: string) => ({ name, groups: [] })

describe('FairLimiter', () => {
  test('lets requests run up to the seats of a user, then queues, then refuses with a time to wait', async () => {
    const limiter = new FairLimiter({ seats: 4, seatsPerUser: 2, queuePerUser: 1 })
    const first = await limiter.enter(user('mad'), get)
    await limiter.enter(user('mad'), get)
    let third: (() => void) | undefined
    const waiting = Promise.resolve(limiter.enter(user('mad'), get)).then((release) => (third = release))
    expect(() => limiter.enter(user('mad'), get)).toThrow('too many requests of "mad" at once')
    await limiter.enter(user('calm'), get)
    expect(third).toBeUndefined()
    first()
    await waiting
    expect(third).toBeDefined()
  })

  test('gives free seats to the users in turn, however long one queue is', async () => {
    const limiter = new FairLimiter({ seats: 1, seatsPerUser: 1, queuePerUser: 100 })
    const release = await limiter.enter(user('mad'), get)
    const order: string[] = []
    const enqueue = (name: string) =>
      Promise.resolve(limiter.enter(user(name), get)).then((done) => {
        order.push(name)
        setImmediate(done)
      })
    const all = [...Array.from({ length: 20 }, () => enqueue('mad')), enqueue('a'), enqueue('b'), enqueue('a')]
    release()
    await Promise.all(all)
    expect(order.indexOf('a')).toBeLessThan(4)
    expect(order.indexOf('b')).toBeLessThan(4)
    expect(order).toHaveLength(23)
  })

  test('refuses who spends faster than his bucket fills; lists cost more than gets', () => {
    let now = 0
    const limiter = new FairLimiter({ ratePerSecond: 10, burst: 20 }, () => now)
    const ask = (verb: string, name = 'mad') => (limiter.enter(user(name), { ...get, verb }) as () => void)()
    ask('list')
    ask('list')
    expect(() => ask('get')).toThrow(expect.objectContaining({ code: 429, details: { retryAfterSeconds: 1 } }))
    ask('get', 'calm')
    now += 500
    for (let at = 0; at < 5; at++) ask('get')
    expect(() => ask('get')).toThrow('too many')
  })

  test('tells callers that are not known apart by their address', () => {
    const limiter = new FairLimiter({ ratePerSecond: 1, burst: 2 }, () => 0)
    const unknown = { name: 'system:anonymous', groups: ['system:unauthenticated'] }
    const ask = (address: string) => (limiter.enter(unknown, get, address) as () => void)()
    ask('2001:db8::1')
    ask('2001:db8::2')
    expect(() => ask('2001:db8::3')).toThrow('too many')
    ask('192.0.2.1')
  })

  test('refuses what has waited too long, and gives its place away', async () => {
    const limiter = new FairLimiter({ seats: 1, seatsPerUser: 1, waitMs: 20 })
    const release = await limiter.enter(user('a'), get)
    await expect(Promise.resolve(limiter.enter(user('b'), get))).rejects.toMatchObject({ code: 429 })
    release()
    release()
    ;(await limiter.enter(user('c'), get))()
  })

  test('never holds back health checks and leases', async () => {
    const limiter = new FairLimiter({ seats: 1, seatsPerUser: 1, queuePerUser: 0 })
    await limiter.enter(user('mad'), get)
    await limiter.enter(user('node'), { ...get, verb: 'update', group: 'coordination.k8s.io', resource: 'leases' })
    await limiter.enter(user('probe'), { ...get, resourceRequest: false, path: '/livez' })
  })
})

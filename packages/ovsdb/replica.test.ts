import { describe, expect, it } from 'vitest'
import { map, number, optional, set, string, uuid } from './column.ts'
import { Replica } from './replica.ts'
import { defineDatabase } from './schema.ts'

const tables = {
  Port: { name: string, tag: optional(number), trunks: set(number), ids: map(string), peer: optional(uuid) },
}
const schema = defineDatabase('Test', tables)
const one = '00000000-0000-4000-8000-000000000001'

describe('a replica', () => {
  const filled = () => {
    const replica = new Replica(tables)
    const initial = { name: 'a', tag: 5, trunks: ['set', [1, 2]], ids: ['map', [['k', 'v']]], peer: ['set', []] }
    replica.reset({ Port: { [one]: { initial } } })
    return replica
  }

  it('reads scalars, lone set members, sets and maps', () => {
    expect(filled().rows('Port').get(one)).toEqual({
      _uuid: one,
      name: 'a',
      tag: 5,
      trunks: [1, 2],
      ids: { k: 'v' },
      peer: undefined,
    })
  })

  it('puts the differences of sets and maps on', () => {
    const replica = filled()
    const modify = {
      tag: ['set', []],
      trunks: ['set', [2, 3]],
      ids: [
        'map',
        [
          ['k', 'w'],
          ['l', 'x'],
        ],
      ],
    }
    const [change] = replica.apply({ Port: { [one]: { modify } } })
    expect(change?.before).toMatchObject({ tag: 5 })
    expect(change?.after).toMatchObject({ name: 'a', tag: undefined, trunks: [1, 3], ids: { k: 'w', l: 'x' } })
    replica.apply({ Port: { [one]: { modify: { ids: ['map', [['k', 'w']]] } } } })
    expect(replica.rows('Port').get(one)?.ids).toEqual({ l: 'x' })
  })

  it('finds rows by a column, also after changes', () => {
    const replica = filled()
    expect(replica.find('Port', 'name', 'a')?._uuid).toBe(one)
    replica.apply({ Port: { [one]: { modify: { name: 'b' } } } })
    expect(replica.find('Port', 'name', 'a')).toBeUndefined()
    expect(replica.find('Port', 'name', 'b')?._uuid).toBe(one)
    replica.apply({ Port: { [one]: { delete: null } } })
    expect(replica.find('Port', 'name', 'b')).toBeUndefined()
  })

  it('tells only what is different when the contents come again', () => {
    const replica = filled()
    const initial = { name: 'a', tag: 5, trunks: ['set', [2, 1]], ids: ['map', [['k', 'v']]], peer: ['set', []] }
    expect(replica.reset({ Port: { [one]: { initial } } })).toEqual([])
    expect(replica.reset({ Port: {} })).toMatchObject([{ uuid: one, after: undefined }])
  })

  it('refuses a value of the wrong type', () => {
    expect(() => new Replica(tables).reset({ Port: { [one]: { initial: { name: 7 } } } })).toThrow(/expected a string/)
  })
})

describe('operations', () => {
  it('are written as RFC 7047 has them', () => {
    expect(schema.insert('Port', { name: 'x', tag: undefined, ids: { a: 'b' }, peer: 'other' }, 'port')).toEqual({
      op: 'insert',
      table: 'Port',
      row: {
        name: 'x',
        tag: ['set', []],
        ids: ['map', [['a', 'b']]],
        peer: ['set', [['named-uuid', 'other']]],
      },
      'uuid-name': 'port',
    })
    expect(
      schema.mutate('Port', { _uuid: one }, { ids: { delete: ['a'], insert: { a: 'c' } }, trunks: { delete: [1] } }),
    ).toEqual({
      op: 'mutate',
      table: 'Port',
      where: [['_uuid', '==', ['uuid', one]]],
      mutations: [
        ['ids', 'delete', ['set', ['a']]],
        ['ids', 'insert', ['map', [['a', 'c']]]],
        ['trunks', 'delete', ['set', [1]]],
      ],
    })
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { faults } from './faults.ts'
import { describeRound, planRounds, playRound } from './rounds.ts'
import { World } from './world.ts'

/** Another seed with `./thresher test --chaos --seed S`. */
const seed = process.env['THRESHER_CHAOS_SEED'] ?? 'two'
const rounds = Number(process.env['THRESHER_CHAOS_ROUNDS'] ?? '2')

describe(`a host to which things happen (seed ${seed})`, () => {
  let world: World

  beforeAll(async () => {
    world = new World()
    await world.addMachine('first')
    await world.addMachine('second')
    await world.calm()
  })
  afterAll(async () => {
    await world.close()
  })

  it.each([...planRounds(seed, rounds)].map((round) => [describeRound(round), round] as const))(
    '%s',
    async (title, round) => {
      const started = performance.now()
      const wrong = await playRound(world, round)
      const { acknowledgedWrites } = world.ledger
      console.log(
        `${title}: ${((performance.now() - started) / 1000).toFixed(1)} s, ${acknowledgedWrites} writes so far`,
      )
      expect(wrong, `seed ${seed}; replay with ./thresher test --chaos --seed ${seed} --rounds ${round.nth}`).toEqual(
        [],
      )
    },
  )
})

describe('the rounds of a seed', () => {
  const lines = (given: string) => [...planRounds(given, 40)].map(describeRound)

  it('are the same each time, others for another seed, and have every fault before any again', () => {
    expect(lines('a')).toEqual(lines('a'))
    expect(lines('a')).not.toEqual(lines('b'))
    const first = [...planRounds('a', faults.length)].map(({ fault }) => fault)
    expect(new Set(first).size).toBe(faults.length)
  })
})

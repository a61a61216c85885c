import { setTimeout as delay } from 'node:timers/promises'
import { faults, type Fault } from './faults.ts'
import { invariants } from './invariants.ts'
import { operations, type Operation } from './operations.ts'
import { Random } from './random.ts'
import type { World } from './world.ts'

/** What happens in one round. */
export interface Round {
  nth: number
  fault: Fault
  operations: Operation[]
  /** What chance decides within the round. */
  seed: string
  /** After so long the fault strikes. */
  afterMs: number
}

/**
 * The rounds of a seed: each with one fault, and operations that go on meanwhile. Every fault comes before any comes again. Pure: the
 * same seed gives the same rounds.
 */
export function* planRounds(seed: string, count: number): Generator<Round> {
  const random = new Random(seed)
  let left: Fault[] = []
  for (let nth = 1; nth <= count; nth++) {
    if (left.length === 0) left = random.shuffled(faults)
    const chosen = random.shuffled(operations).slice(0, random.between(1, 3))
    // Two that command the same machine would only contradict each other.
    const commands = chosen.filter(({ name }) => name.startsWith('a machine is'))
    yield {
      nth,
      seed: `${seed} ${nth}`,
      fault: left.pop()!,
      operations: chosen.filter((one) => !commands.includes(one) || one === commands[0]),
      afterMs: random.between(0, 1200),
    }
  }
}

/** Let a round happen and look whether all is true that must be. @returns what is wrong, in sentences */
export async function playRound(world: World, round: Round): Promise<string[]> {
  await world.remember()
  const acting = round.operations.map((operation) =>
    operation.run(world, new Random(`${round.seed} ${operation.name}`), round.nth),
  )
  // An operation that fails under a fault is no finding; what it was promised before is.
  const acted = Promise.allSettled(acting)
  await delay(round.afterMs)
  await round.fault.strike(world, new Random(`${round.seed} fault`))
  await acted
  await world.calm()
  const wrong: string[] = []
  for (const invariant of invariants)
    wrong.push(...(await invariant.check(world)).map((what) => `${invariant.name}: ${what}`))
  return wrong
}

/** A round in one line. */
export function describeRound({ nth, fault, operations: chosen }: Round): string {
  return `round ${nth}: ${fault.name}, while ${chosen.map(({ name }) => name).join(', ')}`
}

/** Requests under way at once, each with a block of up to 2 MiB and what it is packed into. */
const lanes = 6

/**
 * Do something with each item, a few at a time, taken in order. The first failure ends the taking; it is thrown when
 * what was under way has ended.
 */
export async function inLanes<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const iterator = items[Symbol.iterator]()
  let failure: { error: unknown } | undefined
  const lane = async (): Promise<void> => {
    for (let next = iterator.next(); !failure && !next.done; next = iterator.next()) {
      try {
        await work(next.value)
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  if (failure) throw failure.error
}

/** The whole numbers of `from` up to, not with, `to`. */
export function* range(from: number, to: number): Iterable<number> {
  for (let one = from; one < to; one++) yield one
}

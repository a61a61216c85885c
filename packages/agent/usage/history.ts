import { measures, resolutions, type UsageHistory, type UsageValues } from '@thresher/api/metrics/usage'

const width = measures.length

/** One resolution: a ring of steps, each with a value per measure. A step without a sample holds NaN. */
interface Ring {
  stepSeconds: number
  slots: number
  /** The number of the newest step, counted from 1970; -1 before the first. */
  last: number
  /** How many samples the newest step is the mean of. */
  count: number
  values: Float32Array
}

/** A ring as it is written to disk. */
export interface SavedRing {
  stepSeconds: number
  last: number
  count: number
  /** The values' bytes, little-endian, in base64. */
  values: string
}

/** Usage of one thing over the last day, in memory that does not grow: about 10 KiB. */
export class History {
  readonly #rings: Ring[] = resolutions.map(({ stepSeconds, slots }) => ({
    stepSeconds,
    slots,
    last: -1,
    count: 0,
    values: new Float32Array(slots * width).fill(NaN),
  }))

  /** When the newest sample was taken, in seconds since 1970, to the step; 0 without one. */
  get lastSeconds(): number {
    const [fine] = this.#rings
    return fine && fine.last >= 0 ? fine.last * fine.stepSeconds : 0
  }

  /** Take in a sample. One that is older than the newest (the clock was set back) replaces the newest. */
  add(atSeconds: number, sample: UsageValues): void {
    for (const ring of this.#rings) addTo(ring, Math.floor(atSeconds / ring.stepSeconds), sample)
  }

  /** The last `minutes` up to a moment, in the finest resolution that reaches so far back. */
  read(minutes: number, nowSeconds: number): UsageHistory {
    const wanted = minutes * 60
    const ring = this.#rings.find(({ stepSeconds, slots }) => stepSeconds * slots >= wanted) ?? this.#rings.at(-1)!
    const { stepSeconds, slots } = ring
    const steps = Math.min(slots, Math.ceil(wanted / stepSeconds))
    const end = Math.floor(nowSeconds / stepSeconds) + 1
    const of = (measure: number) => Array.from({ length: steps }, (_, at) => valueAt(ring, end - steps + at, measure))
    const [cpu, memory, diskRead, diskWrite, networkReceive, networkTransmit] = measures.map((_, index) => of(index))
    return {
      startSeconds: (end - steps) * stepSeconds,
      stepSeconds,
      series: {
        cpu: cpu!,
        memory: memory!,
        diskRead: diskRead!,
        diskWrite: diskWrite!,
        networkReceive: networkReceive!,
        networkTransmit: networkTransmit!,
      },
    }
  }

  save(): SavedRing[] {
    return this.#rings.map(({ stepSeconds, last, count, values }) => ({
      stepSeconds,
      last,
      count,
      values: Buffer.from(values.buffer).toString('base64'),
    }))
  }

  /** Take up what {@link save} gave. A ring of another shape is left out. */
  restore(saved: readonly SavedRing[]): void {
    for (const ring of this.#rings) {
      const found = saved.find(({ stepSeconds }) => stepSeconds === ring.stepSeconds)
      const bytes = Buffer.from(found?.values ?? '', 'base64')
      if (!found || bytes.length !== ring.values.byteLength) continue
      new Uint8Array(ring.values.buffer).set(bytes)
      ring.last = found.last
      ring.count = found.count
    }
  }
}

function addTo(ring: Ring, step: number, sample: UsageValues): void {
  const { slots, values } = ring
  if (step > ring.last) {
    // Steps in between had no sample; more than a whole round has none left.
    for (let empty = Math.max(ring.last + 1, step - slots + 1); empty <= step; empty++) {
      const at = (empty % slots) * width
      values.fill(NaN, at, at + width)
    }
    ring.last = step
    ring.count = 0
  }
  const at = (ring.last % slots) * width
  ring.count += 1
  for (const [index, measure] of measures.entries()) {
    const before = values[at + index]!
    values[at + index] = ring.count === 1 ? sample[measure] : before + (sample[measure] - before) / ring.count
  }
}

function valueAt({ last, slots, values }: Ring, step: number, measure: number): number | null {
  if (step > last || step <= last - slots || step < 0) return null
  const value = values[(step % slots) * width + measure]!
  return Number.isNaN(value) ? null : value
}

import type { JsonSchema } from './kind.ts'

const form = /^([+-]?)(\d*)(?:\.(\d*))?(?:([eE])([+-]?\d{1,3})|([KMGTPE]i|[numkMGTPE]))?$/
const decimalExponent: Record<string, number> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }
const binaryExponent: Record<string, number> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 }
const maxLength = 64
const maxExponent = 30

interface Amount {
  /** In billionths, rounded away from zero: the finest step that Kubernetes knows. */
  nano: bigint
  style: 'binary' | 'decimal' | 'exponent'
}

/** Read a quantity exactly. @throws {RangeError} when it is not one, or its exponent is beyond ±30 */
function parse(quantity: string | number): Amount {
  const written = String(quantity)
  const match = written.length <= maxLength ? form.exec(written) : null
  const [, sign, whole = '', fraction = '', e, exponent, suffix = ''] = match ?? []
  if (!match || whole + fraction === '' || Math.abs(Number(exponent ?? 0)) > maxExponent)
    throw new RangeError(
      `${JSON.stringify(written.slice(0, maxLength))} is not a quantity: write digits and a suffix such as 500m, 2, 512Mi or 1.5G`,
    )
  const ten = 9 - fraction.length + (e ? Number(exponent) : (decimalExponent[suffix] ?? 0))
  let nano = BigInt(whole + fraction) << BigInt(binaryExponent[suffix] ?? 0)
  nano = ten >= 0 ? nano * 10n ** BigInt(ten) : divideUp(nano, 10n ** BigInt(-ten))
  return {
    nano: sign === '-' ? -nano : nano,
    style: e ? 'exponent' : suffix in binaryExponent ? 'binary' : 'decimal',
  }
}

function divideUp(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by
}

/** Whether this is a well-formed quantity. */
export function isQuantity(value: unknown): value is string | number {
  if (typeof value !== 'string' && typeof value !== 'number') return false
  try {
    parse(value)
    return true
  } catch {
    return false
  }
}

/**
 * Read a quantity as bytes.
 *
 * @param quantity digits with an optional suffix, such as `512Mi`, `1.5G`, `1e3`
 * @returns bytes, a safe integer, rounded up
 * @throws {RangeError} when it is not of that form, negative, or above 2^53 - 1
 * @see https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
export function parseBytes(quantity: string | number): number {
  return toSafeInteger(quantity, 1_000_000_000n)
}

/** Read a quantity of CPU as thousandths of a core, rounded up. @throws {RangeError} as {@link parseBytes} */
export function parseCpu(quantity: string | number): number {
  return toSafeInteger(quantity, 1_000_000n)
}

/** A quantity in units of so many billionths, rounded up. */
function toSafeInteger(quantity: string | number, unit: bigint): number {
  const { nano } = parse(quantity)
  const value = divideUp(nano, unit)
  if (nano < 0n) throw new RangeError(`${quantity} is negative: give an amount of 0 or more`)
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError(`${quantity} is too large: the most is 2^53 - 1`)
  return Number(value)
}

/** Bytes as the largest binary unit that divides them: `2147483648` → `2Gi`, `1000` → `1000`. */
export function formatBytes(bytes: number): string {
  return bytes % 1024 === 0 ? write(BigInt(bytes) * 1_000_000_000n, 'binary') : String(bytes)
}

/** Thousandths of a core in Kubernetes' form: `1500` → `1500m`, `2000` → `2`. */
export function formatCpu(millicores: number): string {
  return write(BigInt(millicores) * 1_000_000n, 'decimal')
}

/** Below, at or above 0 as `a` is less than, equal to or more than `b`, exactly. @throws {RangeError} when one is no quantity */
export function compareQuantities(a: string | number, b: string | number): number {
  const difference = parse(a).nano - parse(b).nano
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

/** The exact sum, in the unit style of `a`. @throws {RangeError} when one is no quantity */
export function addQuantities(a: string | number, b: string | number): string {
  const left = parse(a)
  const right = parse(b)
  return write(left.nano + right.nano, left.nano === 0n ? right.style : left.style)
}

/** The exact difference `a - b`, in the unit style of `a`; may be negative. @throws {RangeError} when one is no quantity */
export function subtractQuantities(a: string | number, b: string | number): string {
  const left = parse(a)
  return write(left.nano - parse(b).nano, left.style)
}

/** The canonical form, as Kubernetes stores it: `1024Mi` → `1Gi`, `0.5` → `500m`. @throws {RangeError} when it is no quantity */
export function canonicalQuantity(quantity: string | number): string {
  const { nano, style } = parse(quantity)
  return write(nano, style)
}

function write(nano: bigint, style: Amount['style']): string {
  if (nano === 0n) return '0'
  const size = nano < 0n ? -nano : nano
  const sign = nano < 0n ? '-' : ''
  if (style === 'binary' && size % 1_000_000_000n === 0n && size >= 1024n * 1_000_000_000n) {
    let value = size / 1_000_000_000n
    let unit = ''
    for (const next of Object.keys(binaryExponent)) {
      if (value % 1024n !== 0n) break
      value /= 1024n
      unit = next
    }
    return `${sign}${value}${unit}`
  }
  let value = size
  let exponent = -9
  while (value % 1000n === 0n && exponent < 18) {
    value /= 1000n
    exponent += 3
  }
  if (style === 'exponent') return `${sign}${value}${exponent === 0 ? '' : `e${exponent}`}`
  const unit = Object.entries(decimalExponent).find(([, power]) => power === exponent)?.[0] ?? ''
  return `${sign}${value}${unit}`
}

/** Rewrites the quantities inside a value, in place. */
export type QuantityWriter = (value: unknown) => void

/**
 * What brings all quantities of a schema's values to text, in place; undefined where the schema has none.
 * Text that is no quantity is left for validation to refuse.
 *
 * @param canonical whether text is rewritten too, as for Kubernetes' own kinds, or only bare numbers
 */
export function quantityWriter(schema: JsonSchema, canonical: boolean): QuantityWriter | undefined {
  const fields = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => step(name, field, canonical))
  const { additionalProperties, items } = schema
  const every = typeof additionalProperties === 'object' ? additionalProperties : items
  const inEvery = every && every.format !== 'quantity' ? quantityWriter(every, canonical) : undefined
  const isAmount = every?.format === 'quantity'
  if (fields.length === 0 && !inEvery && !isAmount) return undefined
  return (value) => {
    if (typeof value !== 'object' || value === null) return
    for (const field of fields) field(value as Record<string, unknown>)
    if (!isAmount && !inEvery) return
    for (const key of Object.keys(value)) {
      const part = (value as Record<string, unknown>)[key]
      if (isAmount) (value as Record<string, unknown>)[key] = toText(part, canonical)
      else inEvery?.(part)
    }
  }
}

function step(name: string, schema: JsonSchema, canonical: boolean): ((value: Record<string, unknown>) => void)[] {
  if (schema.format === 'quantity')
    return [
      (value) => {
        if (Object.hasOwn(value, name)) value[name] = toText(value[name], canonical)
      },
    ]
  const inner = quantityWriter(schema, canonical)
  return inner
    ? [
        (value) => {
          if (Object.hasOwn(value, name)) inner(value[name])
        },
      ]
    : []
}

function toText(value: unknown, canonical: boolean): unknown {
  if (typeof value === 'number' ? !isQuantity(value) : !canonical || !isQuantity(value)) return value
  return canonicalQuantity(value as string | number)
}

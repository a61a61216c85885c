/** A check of one value: what is wrong with it, empty when nothing is. */
export type Check = (value: string) => string[]

/** A whole number within bounds. @param unit for the message */
export function wholeNumber(min: number, max: number, messages: { low?: string; high?: string } = {}): Check {
  return (value) => {
    const number = /^-?\d{1,15}$/.test(value) ? Number(value) : Number.NaN
    if (Number.isNaN(number)) return [`${JSON.stringify(value)} is not a whole number: give ${min} to ${max}`]
    if (number < min) return [messages.low ?? `must be at least ${min}`]
    if (number > max) return [messages.high ?? `must be at most ${max}`]
    return []
  }
}

/** `true` or `false`. */
export function trueOrFalse(value: string): string[] {
  return value === 'true' || value === 'false' ? [] : [`must be true or false, not ${JSON.stringify(value)}`]
}

/** One of some words. */
export function word(...words: string[]): Check {
  return (value) =>
    words.includes(value) ? [] : [`${JSON.stringify(value)} is not supported: use ${words.join(', ')}`]
}

/** An address that begins with http:// or https://. */
export function webAddress(value: string): string[] {
  return isWebAddress(value) ? [] : [`${JSON.stringify(value)} must be a URL that begins with http:// or https://`]
}

/** Whether this is an http or https URL. */
export function isWebAddress(value: string): boolean {
  const url = URL.parse(value)
  return url !== null && /^https?:$/.test(url.protocol)
}

/** A JSON object with rules of its own. */
export function jsonObject(check: (value: Record<string, unknown>) => string[]): Check {
  return (value) => {
    let parsed: unknown
    try {
      parsed = JSON.parse(value)
    } catch (error) {
      return [`must be JSON: ${(error as Error).message}`]
    }
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return ['must be a JSON object']
    return check(parsed as Record<string, unknown>)
  }
}

/** What is wrong with an optional whole number in a JSON object. */
export function numberField(object: Record<string, unknown>, name: string, min: number, max: number): string[] {
  const value = object[name]
  if (value === undefined) return []
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
    return [`${name} must be a whole number from ${min} to ${max}`]
  return []
}

/** What is wrong with an optional true or false in a JSON object. */
export function flagField(object: Record<string, unknown>, ...names: string[]): string[] {
  return names
    .filter((name) => object[name] !== undefined && typeof object[name] !== 'boolean')
    .map((name) => `${name} must be true or false`)
}

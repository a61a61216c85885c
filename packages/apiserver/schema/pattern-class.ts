/** A set of code points, as [first, last] pairs. */
export type Ranges = readonly (readonly [number, number])[]

/** Whether a code point is meant. */
export type CharTest = (code: number) => boolean

const digit: Ranges = [[0x30, 0x39]]
const upper: Ranges = [[0x41, 0x5a]]
const lower: Ranges = [[0x61, 0x7a]]
const alpha: Ranges = [...upper, ...lower]
const word: Ranges = [...digit, ...alpha, [0x5f, 0x5f]]
const space: Ranges = [
  [0x09, 0x0a],
  [0x0c, 0x0d],
  [0x20, 0x20],
]

/** `\d`, `\w`, `\s` and their opposites. */
export const perlClasses: Record<string, { ranges: Ranges; negated: boolean }> = {
  d: { ranges: digit, negated: false },
  D: { ranges: digit, negated: true },
  w: { ranges: word, negated: false },
  W: { ranges: word, negated: true },
  s: { ranges: space, negated: false },
  S: { ranges: space, negated: true },
}

/** `[[:alpha:]]` and the like. */
export const posixClasses: Record<string, Ranges> = {
  alnum: [...digit, ...alpha],
  alpha,
  ascii: [[0, 0x7f]],
  blank: [
    [0x09, 0x09],
    [0x20, 0x20],
  ],
  cntrl: [
    [0, 0x1f],
    [0x7f, 0x7f],
  ],
  digit,
  graph: [[0x21, 0x7e]],
  lower,
  print: [[0x20, 0x7e]],
  punct: [
    [0x21, 0x2f],
    [0x3a, 0x40],
    [0x5b, 0x60],
    [0x7b, 0x7e],
  ],
  space: [
    [0x09, 0x0d],
    [0x20, 0x20],
  ],
  upper,
  word,
  xdigit: [...digit, [0x41, 0x46], [0x61, 0x66]],
}

/** Whether the code point is one of those that `\w` means; `\b` lies between one and another. */
export function isWord(code: number): boolean {
  return inRanges(word, code)
}

function inRanges(ranges: Ranges, code: number): boolean {
  for (const [first, last] of ranges) if (code >= first && code <= last) return true
  return false
}

/** A test for a set, which answers for ASCII by one look into a table. */
export function charTest(ranges: Ranges, tests: readonly CharTest[], negated: boolean, foldCase: boolean): CharTest {
  const plain: CharTest = (code) => inRanges(ranges, code) || tests.some((test) => test(code))
  const test: CharTest = foldCase ? (code) => plain(code) || otherCases(code).some(plain) : plain
  const table = Uint8Array.from({ length: 128 }, (_, code) => (test(code) === negated ? 0 : 1))
  return (code) => (code < 128 ? table[code] === 1 : test(code) !== negated)
}

function otherCases(code: number): number[] {
  const char = String.fromCodePoint(code)
  return [char.toLowerCase(), char.toUpperCase()].flatMap((other) => (other === char ? [] : [other.codePointAt(0)!]))
}

/** `\pL`, `\p{Greek}`. @throws {SyntaxError} when Unicode has no such class */
export function unicodeClass(name: string): CharTest {
  const direct = /^[A-Z][a-z]?$/.test(name) ? name : `Script=${name}`
  const test = new RegExp(`^\\p{${direct}}$`, 'u')
  return (code) => test.test(String.fromCodePoint(code))
}

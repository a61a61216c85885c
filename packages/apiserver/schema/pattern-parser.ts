import { charTest, perlClasses, posixClasses, unicodeClass, type CharTest, type Ranges } from './pattern-class.ts'

/** A pattern taken apart. */
export type Node =
  | { type: 'char'; test: CharTest }
  | { type: 'all'; parts: Node[] }
  | { type: 'any'; choices: Node[] }
  | { type: 'repeat'; part: Node; least: number; most: number }
  | { type: 'at'; place: Anchor }

/** A place in the text, between characters. */
export type Anchor = 'begin' | 'end' | 'line-begin' | 'line-end' | 'word' | 'not-word'

interface Flags {
  foldCase: boolean
  multiLine: boolean
  dotAll: boolean
}

const maxRepeat = 1000
const maxDepth = 100

/**
 * Take a pattern in the syntax of RE2 apart.
 *
 * @throws {SyntaxError} when it is not of that syntax; references back and lookarounds are not
 * @see https://github.com/google/re2/wiki/Syntax
 */
export function parsePattern(pattern: string): Node {
  const parser = new PatternParser(pattern)
  return parser.parse()
}

class PatternParser {
  readonly #text: string
  #at = 0
  #depth = 0
  #flags: Flags = { foldCase: false, multiLine: false, dotAll: false }

  constructor(text: string) {
    this.#text = text
  }

  parse(): Node {
    const node = this.#alternatives()
    if (this.#at < this.#text.length) throw this.#fault('unexpected )')
    return node
  }

  #fault(what: string): SyntaxError {
    return new SyntaxError(`error parsing regexp: ${what} at position ${this.#at} of ${JSON.stringify(this.#text)}`)
  }

  #peek(): string {
    return this.#text[this.#at] ?? ''
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false
    this.#at += text.length
    return true
  }

  #alternatives(): Node {
    if (++this.#depth > maxDepth) throw this.#fault(`groups nested deeper than ${maxDepth} levels`)
    const flags = this.#flags
    const choices = [this.#sequence()]
    while (this.#take('|')) choices.push(this.#sequence())
    this.#flags = flags
    this.#depth--
    return choices.length === 1 ? choices[0]! : { type: 'any', choices }
  }

  #sequence(): Node {
    const parts: Node[] = []
    while (this.#at < this.#text.length && this.#peek() !== '|' && this.#peek() !== ')') {
      const part = this.#atom()
      if (part) parts.push(this.#repeated(part))
    }
    return parts.length === 1 ? parts[0]! : { type: 'all', parts }
  }

  #repeated(part: Node): Node {
    let node = part
    for (let count = 0; ; count++) {
      const bounds = this.#bounds()
      if (!bounds) return node
      if (count > 0) throw this.#fault('invalid nested repetition operator')
      // A lazy quantifier finds a match in other places, not other texts.
      this.#take('?')
      node = { type: 'repeat', part: node, ...bounds }
    }
  }

  #bounds(): { least: number; most: number } | undefined {
    if (this.#take('*')) return { least: 0, most: Infinity }
    if (this.#take('+')) return { least: 1, most: Infinity }
    if (this.#take('?')) return { least: 0, most: 1 }
    const braces = /^\{(\d{1,5})(?:(,)(\d{1,5})?)?\}/.exec(this.#text.slice(this.#at, this.#at + 16))
    if (!braces) return undefined
    const least = Number(braces[1])
    const most = braces[2] ? (braces[3] === undefined ? Infinity : Number(braces[3])) : least
    if (least > maxRepeat || (most !== Infinity && most > maxRepeat) || least > most)
      throw this.#fault('invalid repeat count')
    this.#at += braces[0].length
    return { least, most }
  }

  /** One element; undefined for one that only sets flags. */
  #atom(): Node | undefined {
    const sign = this.#peek()
    switch (sign) {
      case '(':
        return this.#group()
      case '[':
        return { type: 'char', test: this.#set() }
      case '.': {
        this.#at++
        const { dotAll } = this.#flags
        return { type: 'char', test: (code) => dotAll || code !== 0x0a }
      }
      case '^':
        this.#at++
        return { type: 'at', place: this.#flags.multiLine ? 'line-begin' : 'begin' }
      case '$':
        this.#at++
        return { type: 'at', place: this.#flags.multiLine ? 'line-end' : 'end' }
      case '*':
      case '+':
      case '?':
        throw this.#fault('missing argument to repetition operator')
      case '\\':
        return this.#escape()
      default:
        return this.#literal(this.#codePoint())
    }
  }

  #literal(code: number): Node {
    return { type: 'char', test: charTest([[code, code]], [], false, this.#flags.foldCase) }
  }

  #codePoint(): number {
    const code = this.#text.codePointAt(this.#at)
    if (code === undefined) throw this.#fault('unexpected end')
    this.#at += code > 0xffff ? 2 : 1
    return code
  }

  #group(): Node | undefined {
    this.#at++
    const opening = /^\?(?:P?<[A-Za-z_]\w*>|([imsU]*)(?:-([imsU]+))?([:)]))/.exec(
      this.#text.slice(this.#at, this.#at + 100),
    )
    if (!opening && this.#peek() === '?') throw this.#fault('invalid or unsupported Perl syntax')
    const outer = this.#flags
    if (opening) {
      this.#at += opening[0].length
      const [, on, off, end] = opening
      if (on || off) this.#flags = changed(outer, on ?? '', off ?? '')
      if (end === ')') return undefined
    }
    const inside = this.#alternatives()
    if (!this.#take(')')) throw this.#fault('missing closing )')
    this.#flags = outer
    return inside
  }

  #escape(): Node {
    this.#at++
    const sign = this.#peek()
    const places: Record<string, Anchor> = { A: 'begin', z: 'end', b: 'word', B: 'not-word' }
    const place = places[sign]
    if (place) {
      this.#at++
      return { type: 'at', place }
    }
    if (this.#take('Q')) {
      const end = this.#text.indexOf('\\E', this.#at)
      const quoted = this.#text.slice(this.#at, end < 0 ? undefined : end)
      this.#at = end < 0 ? this.#text.length : end + 2
      return { type: 'all', parts: Array.from(quoted, (char) => this.#literal(char.codePointAt(0)!)) }
    }
    const named = this.#classEscape()
    if (named) return { type: 'char', test: charTest(named.ranges, named.tests, named.negated, this.#flags.foldCase) }
    return this.#literal(this.#charEscape())
  }

  /** `\d`, `\pL` and the like, behind the backslash; undefined when it is none. */
  #classEscape(): { ranges: Ranges; tests: CharTest[]; negated: boolean } | undefined {
    const sign = this.#peek()
    const perl = Object.hasOwn(perlClasses, sign) ? perlClasses[sign] : undefined
    if (perl) {
      this.#at++
      return { ...perl, tests: [] }
    }
    const unicode = /^([pP])(?:\{(\^?)(\w{1,40})\}|([A-Z]))/.exec(this.#text.slice(this.#at, this.#at + 50))
    if (!unicode) return undefined
    this.#at += unicode[0].length
    const test = unicodeClass(unicode[3] ?? unicode[4] ?? '')
    return { ranges: [], tests: [test], negated: (unicode[1] === 'P') !== (unicode[2] === '^') }
  }

  #charEscape(): number {
    const controls: Record<string, number> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 }
    const sign = this.#peek()
    const control = Object.hasOwn(controls, sign) ? controls[sign] : undefined
    if (control !== undefined) {
      this.#at++
      return control
    }
    const hex = /^x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})/.exec(this.#text.slice(this.#at, this.#at + 10))
    const octal = /^0[0-7]{0,2}/.exec(this.#text.slice(this.#at, this.#at + 3))
    if (hex || octal) {
      this.#at += (hex ?? octal)![0].length
      const code = hex ? Number.parseInt(hex[1] ?? hex[2] ?? '', 16) : Number.parseInt(octal![0], 8)
      if (code > 0x10ffff) throw this.#fault('invalid escape sequence')
      return code
    }
    if (sign === '' || /[0-9A-Za-z]/.test(sign)) throw this.#fault(`invalid escape sequence \\${sign}`)
    return this.#codePoint()
  }

  #set(): CharTest {
    this.#at++
    const negated = this.#take('^')
    const ranges: [number, number][] = []
    const tests: CharTest[] = []
    for (let first = true; first || this.#peek() !== ']'; first = false) {
      if (this.#at >= this.#text.length) throw this.#fault('missing closing ]')
      if (this.#posix(ranges, tests)) continue
      const low = this.#setChar(tests)
      if (low === undefined) continue
      let high = low
      if (this.#peek() === '-' && this.#text[this.#at + 1] !== ']' && this.#at + 1 < this.#text.length) {
        this.#at++
        high = this.#setChar(tests) ?? -1
        if (high < low) throw this.#fault('invalid character class range')
      }
      ranges.push([low, high])
    }
    this.#at++
    return charTest(ranges, tests, negated, this.#flags.foldCase)
  }

  #posix(ranges: [number, number][], tests: CharTest[]): boolean {
    const posix = /^\[:(\^?)(\w+):\]/.exec(this.#text.slice(this.#at, this.#at + 16))
    if (!posix) return false
    const known = posixClasses[posix[2]!]
    if (!known) throw this.#fault('invalid character class range')
    this.#at += posix[0].length
    if (posix[1]) tests.push(charTest(known, [], true, false))
    else ranges.push(...known.map(([low, high]): [number, number] => [low, high]))
    return true
  }

  /** A character of a set; undefined when it was a class, which is then in `tests`. */
  #setChar(tests: CharTest[]): number | undefined {
    if (!this.#take('\\')) return this.#codePoint()
    const named = this.#classEscape()
    if (!named) return this.#charEscape()
    tests.push(charTest(named.ranges, named.tests, named.negated, false))
    return undefined
  }
}

function changed(flags: Flags, on: string, off: string): Flags {
  const next = { ...flags }
  for (const [letters, value] of [
    [on, true],
    [off, false],
  ] as const) {
    if (letters.includes('i')) next.foldCase = value
    if (letters.includes('m')) next.multiLine = value
    if (letters.includes('s')) next.dotAll = value
  }
  return next
}

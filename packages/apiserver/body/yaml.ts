import { ApiError } from '@thresher/api/error'
import { LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument, type ParsedNode } from 'yaml'
import { setOwn, type JsonObject } from '../schema/clone.ts'
import { sizes } from '../limits/sizes.ts'
import { protoField, tooDeep, tooMuch, type BodyLimits } from './json.ts'

/**
 * Parse one YAML document into JSON's kinds of values.
 *
 * The library only reads the text. What it would do in more than linear time is done here: keys are compared through a set, and
 * what an alias stands for counts each time, so that a small document cannot become a large one.
 *
 * @throws {ApiError} BadRequest; RequestEntityTooLarge
 */
export function parseYaml(text: string, limits: BodyLimits = sizes): unknown {
  const lines = new LineCounter()
  try {
    const document = parseDocument(text, { ...options, lineCounter: lines })
    const [error] = document.errors
    if (error) {
      // The library recurses: a document that is deep enough ends the stack, which it takes for an error of the document.
      if (error.message.includes('call stack')) throw tooDeep(limits.depth)
      const { line, col } = lines.linePos(error.pos[0])
      throw invalidYaml(`${error.message} at line ${line}, column ${col}`)
    }
    return new Reader(limits, lines).read(document.contents)
  } catch (error) {
    if (error instanceof ApiError) throw error
    if (error instanceof RangeError) throw tooDeep(limits.depth)
    throw invalidYaml((error as Error).message)
  }
}

/** Errors are not made pretty by the library, which costs time for each. */
const options = { schema: 'core', uniqueKeys: false, prettyErrors: false, logLevel: 'error' } as const

/** The refusal of a body that cannot be read. */
function invalidYaml(what: string): ApiError {
  return new ApiError('BadRequest', `the body is not valid YAML: ${what}`)
}

type Node = ParsedNode | null | undefined

/** Makes plain values of what the library read, within limits. */
class Reader {
  readonly #limits: BodyLimits
  readonly #lines: LineCounter
  /** What each anchor names so far; a later one of the same name takes its place. */
  readonly #anchors = new Map<string, ParsedNode>()
  /** Anchors inside of which we are: an alias to one of them would never end. */
  readonly #open = new Set<Node>()
  #values = 0
  #aliases = 0

  constructor(limits: BodyLimits, lines: LineCounter) {
    this.#limits = limits
    this.#lines = lines
  }

  read(node: Node, depth = 0): unknown {
    this.#values += 1
    if (this.#values > this.#limits.values) throw tooMuch(`more than ${this.#limits.values} values`)
    if (node === null || node === undefined) return null
    if (isAlias(node)) return this.#follow(node.source, node, depth)
    if (node.anchor) this.#anchors.set(node.anchor, node)
    if (isScalar(node)) return plainScalar(node.value)
    if (depth >= this.#limits.depth) throw tooDeep(this.#limits.depth)
    this.#open.add(node)
    const value = isSeq(node) ? this.#list(node.items as Node[], depth) : isMap(node) ? this.#map(node, depth) : null
    this.#open.delete(node)
    return value
  }

  #follow(name: string, at: ParsedNode, depth: number): unknown {
    this.#aliases += 1
    if (this.#aliases > sizes.yamlAliases) throw tooMuch(`more than ${sizes.yamlAliases} aliases`)
    const target = this.#anchors.get(name)
    if (!target || this.#open.has(target)) throw this.#invalid(`the alias *${name} names nothing that came before`, at)
    return this.read(target, depth)
  }

  #list(items: readonly Node[], depth: number): unknown[] {
    const { listItems } = this.#limits
    if (items.length > listItems) throw tooMuch(`a list of more than ${listItems} items`)
    return items.map((item) => this.read(item, depth + 1))
  }

  #map(node: Extract<ParsedNode, { items: { key: unknown }[] }>, depth: number): JsonObject {
    const { mapKeys } = this.#limits
    if (node.items.length > mapKeys) throw tooMuch(`a map of more than ${mapKeys} keys`)
    const result: JsonObject = {}
    for (const { key, value } of node.items as { key: Node; value: Node }[]) {
      const name = this.#key(key)
      if (name === '__proto__') throw protoField()
      if (Object.hasOwn(result, name)) throw this.#invalid(`the key ${JSON.stringify(name)} is there twice`, key)
      setOwn(result, name, this.read(value, depth + 1))
    }
    return result
  }

  #key(node: Node): string {
    if (node === null || node === undefined) return ''
    if (isAlias(node)) throw this.#invalid('a key cannot be an alias', node)
    if (node.anchor) this.#anchors.set(node.anchor, node)
    if (isScalar(node)) return node.value === null ? '' : String(plainScalar(node.value))
    throw this.#invalid('a key must be plain text', node)
  }

  #invalid(what: string, at: Node): ApiError {
    const { line } = this.#lines.linePos(at?.range?.[0] ?? 0)
    return invalidYaml(`${what}, at line ${line}`)
  }
}

/** JSON has no infinite numbers. */
function plainScalar(value: unknown): string | number | boolean | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value === 'string' || typeof value === 'boolean') return value
  return null
}

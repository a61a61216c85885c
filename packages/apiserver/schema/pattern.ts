import { isWord, type CharTest } from './pattern-class.ts'
import { parsePattern, type Anchor, type Node } from './pattern-parser.ts'

/** The longest pattern that is taken, in characters. */
const maxPatternLength = 4096
/** The most steps that a pattern may come to when its repetitions are written out. */
const maxSteps = 10_000

/** What tests text against a pattern. */
export interface Pattern {
  test(text: string): boolean
}

type Step =
  | { op: 'char'; test: CharTest; next: number }
  | { op: 'split'; next: number[] }
  | { op: 'at'; place: Anchor; next: number }
  | { op: 'match' }

/**
 * The pattern of a schema, in the syntax of Go's RE2.
 *
 * Anyone who may define a kind may give patterns, and anyone who may write an object the text; so all ways through the
 * pattern are followed at once, in time that grows with the text's length only. JavaScript's own expressions can take for ever.
 *
 * @throws {SyntaxError} when it is none, or too large
 */
export function compilePattern(pattern: string): Pattern {
  if (pattern.length > maxPatternLength)
    throw new SyntaxError(`the pattern is longer than ${maxPatternLength} characters`)
  const steps: Step[] = []
  const push = (step: Step) => {
    if (steps.length >= maxSteps) throw new SyntaxError('error parsing regexp: expression too large')
    return steps.push(step) - 1
  }
  const start = write(parsePattern(pattern), push({ op: 'match' }), push)
  return { test: (text) => run(steps, start, text) }
}

/** Write the steps of a node, which lead on to `next`. @returns the first of them */
function write(node: Node, next: number, push: (step: Step) => number): number {
  switch (node.type) {
    case 'char':
      return push({ op: 'char', test: node.test, next })
    case 'at':
      return push({ op: 'at', place: node.place, next })
    case 'all':
      return node.parts.reduceRight((after, part) => write(part, after, push), next)
    case 'any':
      return push({ op: 'split', next: node.choices.map((choice) => write(choice, next, push)) })
    case 'repeat': {
      let first = next
      if (node.most === Infinity) {
        const loop: Step & { op: 'split' } = { op: 'split', next: [next] }
        first = push(loop)
        loop.next.push(write(node.part, first, push))
      } else {
        for (let i = node.least; i < node.most; i++)
          first = push({ op: 'split', next: [next, write(node.part, first, push)] })
      }
      for (let i = 0; i < node.least; i++) first = write(node.part, first, push)
      return first
    }
  }
}

/** Whether the pattern is found anywhere in the text. */
function run(steps: readonly Step[], start: number, text: string): boolean {
  const seen = new Int32Array(steps.length).fill(-1)
  let current: number[] = []
  let following: number[] = []
  const open: number[] = []
  /** Follow a step to the characters that it waits for. @returns whether the end is among them */
  const enter = (first: number, at: number, into: number[]): boolean => {
    open.push(first)
    while (open.length > 0) {
      const index = open.pop()!
      if (seen[index] === at) continue
      seen[index] = at
      const step = steps[index]!
      if (step.op === 'match') {
        open.length = 0
        return true
      }
      if (step.op === 'char') into.push(index)
      else if (step.op === 'split') open.push(...step.next)
      else if (isAt(step.place, text, at)) open.push(step.next)
    }
    return false
  }
  for (let at = 0; ;) {
    if (enter(start, at, current)) return true
    if (at >= text.length) return false
    const code = text.codePointAt(at)!
    at += code > 0xffff ? 2 : 1
    for (const index of current) {
      const step = steps[index] as Step & { op: 'char' }
      if (step.test(code) && enter(step.next, at, following)) return true
    }
    ;[current, following] = [following, current]
    following.length = 0
  }
}

function isAt(place: Anchor, text: string, at: number): boolean {
  switch (place) {
    case 'begin':
      return at === 0
    case 'end':
      return at === text.length
    case 'line-begin':
      return at === 0 || text[at - 1] === '\n'
    case 'line-end':
      return at === text.length || text[at] === '\n'
    default: {
      const before = at > 0 && isWord(text.charCodeAt(at - 1))
      const after = at < text.length && isWord(text.charCodeAt(at))
      return (before !== after) === (place === 'word')
    }
  }
}

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { currentVersion } from './run-state-upgrades.ts'
import { parseState, readState, writeState, type RunState } from './run-state.ts'

const fixtures = join(import.meta.dirname, 'fixtures', 'run-state')
const fixture = (name: string): string => readFileSync(join(fixtures, `${name}.json`), 'utf8')

function stateOf(text: string): RunState {
  const found = parseState(text)
  if (found.found !== 'state') throw new Error(JSON.stringify(found))
  return found.state
}

describe('the state of a run', () => {
  it.each(readdirSync(fixtures))('is understood as %s has it, and written down as it was read', (file) => {
    const state = stateOf(readFileSync(join(fixtures, file), 'utf8'))
    expect(state).toMatchObject({ version: currentVersion, namespace: 'default', name: 'guest' })
    expect(stateOf(JSON.stringify(state))).toEqual(state)
  })

  it('has a fixture of every version up to the current', () => {
    const versions = new Set(readdirSync(fixtures).map((file) => Number(/^v(\d+)-/.exec(file)?.[1])))
    expect([...versions].toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: currentVersion }, (_, index) => index + 1),
    )
  })

  it('of the first version holds what it did, and what went without saying', () => {
    expect(stateOf(fixture('v1-with-nodes')).holdings).toEqual([
      { kind: 'cgroup' },
      { kind: 'own-disks' },
      { kind: 'volume', name: 'pvc-1', node: 'vol0' },
      { kind: 'nic', name: 'default' },
    ])
    expect(stateOf(fixture('v1-first')).holdings).toContainEqual({ kind: 'volume', name: 'pvc-1' })
  })

  it.each([
    ['torn', fixture('v2-stopping').slice(0, 200), 'not whole'],
    ['empty', '', 'not whole'],
    ['of a newer agent', JSON.stringify({ ...JSON.parse(fixture('v2-stopping')), version: 99 }), 'newer agent'],
    ['without a version', '{}', 'no version'],
    ['a list', '[]', 'not an object'],
    ['of an unknown step', fixture('v2-stopping').replace('"stopping"', '"floating"'), '/step'],
    ['of the first version without holdings', '{"version":1}', 'version 1'],
  ])('that is %s is unreadable, which is not the same as none', (_, text, why) => {
    expect(parseState(text)).toMatchObject({ found: 'unreadable', why: expect.stringContaining(why) })
  })

  it('is found, none or unreadable on disk', () => {
    const folder = mkdtempSync(join(tmpdir(), 'run-state-'))
    try {
      expect(readState(folder)).toEqual({ found: 'none' })
      expect(readState(join(folder, 'missing'))).toEqual({ found: 'none' })
      const state = stateOf(fixture('v2-stopping'))
      writeState(folder, state)
      expect(readState(folder)).toEqual({ found: 'state', state })
      writeFileSync(join(folder, 'state.json'), '{')
      expect(readState(folder).found).toBe('unreadable')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

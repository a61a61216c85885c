import { describe, expect, it } from 'vitest'
import { chordOf, keysOfText, longestText } from './keyboard.ts'

describe('a text typed on a keyboard', () => {
  it.each([
    ['aZ 0', [['a'], ['shift', 'z'], ['spc'], ['0']]],
    ['~|\n', [['shift', 'grave_accent'], ['shift', 'backslash'], ['ret']]],
    ['a\r\nb', [['a'], ['ret'], ['b']]],
    ['', []],
  ])('%j', (text, chords) => expect(keysOfText(text)).toEqual(chords))

  it('has only what a US keyboard has, and an end', () => {
    expect(() => keysOfText('süß')).toThrow(/"ü" is not on a US keyboard/)
    expect(() => keysOfText('x'.repeat(longestText + 1))).toThrow(/at most 400/)
    expect(() => keysOfText('__proto__\u0000')).toThrow(/not on a US keyboard/)
  })
})

describe('keys pressed together', () => {
  it.each([
    [
      ['ctrl', 'alt', 'delete'],
      ['ctrl', 'alt', 'delete'],
    ],
    [
      ['Ctrl', 'Alt', 'Del'],
      ['ctrl', 'alt', 'delete'],
    ],
    [['F12'], ['f12']],
  ])('%j', (names, keys) => expect(chordOf(names)).toEqual(keys))

  it('are known keys, not too many', () => {
    expect(() => chordOf(['hyper'])).toThrow(/"hyper" is not a key/)
    expect(() => chordOf([])).toThrow(/1 to 5/)
    expect(() => chordOf(['a', 'b', 'c', 'd', 'e', 'f'])).toThrow(/1 to 5/)
  })
})

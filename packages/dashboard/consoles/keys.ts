/** A key as RFB names it, and whether Shift is held with it. */
export interface Stroke {
  keysym: number
  shift: boolean
}

/** @see X11 keysymdef.h */
export const keysyms = {
  Return: 0xff0d,
  Tab: 0xff09,
  Escape: 0xff1b,
  Shift: 0xffe1,
  Control: 0xffe3,
  Alt: 0xffe9,
  Delete: 0xffff,
  Backspace: 0xff08,
  F1: 0xffbe,
  F2: 0xffbf,
  F3: 0xffc0,
  F4: 0xffc1,
  F7: 0xffc4,
} as const
export type Key = keyof typeof keysyms

/** Characters of a US keyboard that need Shift, beside capital letters. */
const shifted = '~!@#$%^&*()_+{}|:"<>?'

/**
 * The strokes that type a text. QEMU looks keys up by symbol and adds no Shift itself, so capital letters and the like come with it.
 * A character beyond Latin-1 goes by its Unicode symbol, which guests with another keyboard may not know.
 */
export function strokesOf(text: string): Stroke[] {
  return Array.from(text.replaceAll('\r\n', '\n')).flatMap((character): Stroke[] => {
    if (character === '\n' || character === '\r') return [{ keysym: keysyms.Return, shift: false }]
    if (character === '\t') return [{ keysym: keysyms.Tab, shift: false }]
    const code = character.codePointAt(0) ?? 0
    if (code < 0x20) return []
    const isCapital = character !== character.toLowerCase()
    return [{ keysym: code <= 0xff ? code : 0x1000000 + code, shift: isCapital || shifted.includes(character) }]
  })
}

/** Key combinations that browsers or systems keep for themselves. */
export const combinations: { label: string; keys: Key[] }[] = [
  { label: 'Ctrl Alt Del', keys: ['Control', 'Alt', 'Delete'] },
  { label: 'Ctrl Alt Backspace', keys: ['Control', 'Alt', 'Backspace'] },
  { label: 'Ctrl Alt F1', keys: ['Control', 'Alt', 'F1'] },
  { label: 'Ctrl Alt F2', keys: ['Control', 'Alt', 'F2'] },
  { label: 'Ctrl Alt F7', keys: ['Control', 'Alt', 'F7'] },
  { label: 'Alt Tab', keys: ['Alt', 'Tab'] },
  { label: 'Alt F4', keys: ['Alt', 'F4'] },
  { label: 'Escape', keys: ['Escape'] },
]

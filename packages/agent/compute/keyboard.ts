/** Keys that are pressed together, by QEMU's names. @see QEMU's QKeyCode */
export type Chord = string[]

/** So much may be typed at once: twice {@link keyMs} for each, it takes less time than the API server waits for. */
export const longestText = 400
/** How long each key is held; guests that are slow miss shorter ones. */
export const keyMs = 25
/** So many keys can be pressed together. */
const longestChord = 5

/** Characters of a US keyboard whose keys have names of their own: plain, and with shift. */
const plain: Record<string, string> = {
  ' ': 'spc',
  '\n': 'ret',
  '\t': 'tab',
  '-': 'minus',
  '=': 'equal',
  '[': 'bracket_left',
  ']': 'bracket_right',
  '\\': 'backslash',
  ';': 'semicolon',
  "'": 'apostrophe',
  '`': 'grave_accent',
  ',': 'comma',
  '.': 'dot',
  '/': 'slash',
}
const shifted: Record<string, string> = {
  '!': '1',
  '@': '2',
  '#': '3',
  $: '4',
  '%': '5',
  '^': '6',
  '&': '7',
  '*': '8',
  '(': '9',
  ')': '0',
  _: 'minus',
  '+': 'equal',
  '{': 'bracket_left',
  '}': 'bracket_right',
  '|': 'backslash',
  ':': 'semicolon',
  '"': 'apostrophe',
  '~': 'grave_accent',
  '<': 'comma',
  '>': 'dot',
  '?': 'slash',
}

/** Names that can stand in a chord, beside letters and digits. */
const named =
  'shift shift_r alt alt_r ctrl ctrl_r meta_l meta_r menu esc backspace caps_lock insert delete home end pgup pgdn up down left right ' +
  'print sysrq pause num_lock scroll_lock kp_enter f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 f11 f12'
const keys: ReadonlySet<string> = new Set([...Object.values(plain), ...named.split(' ')])

/** Other names under which people know keys. */
const aliases: Record<string, string> = {
  enter: 'ret',
  escape: 'esc',
  space: 'spc',
  del: 'delete',
  super: 'meta_l',
  win: 'meta_l',
}

/**
 * The keys that type a text on a US keyboard. Pure.
 *
 * @throws {RangeError} that names the character, or says how long the text may be
 */
export function keysOfText(text: string): Chord[] {
  if (text.length > longestText)
    throw new RangeError(`text: at most ${longestText} characters can be typed at once; send the rest after it`)
  return Array.from(text.replaceAll('\r\n', '\n'), (character) => {
    if (/^[a-z0-9]$/.test(character)) return [character]
    if (/^[A-Z]$/.test(character)) return ['shift', character.toLowerCase()]
    if (Object.hasOwn(plain, character)) return [plain[character]!]
    if (Object.hasOwn(shifted, character)) return ['shift', shifted[character]!]
    throw new RangeError(
      `text: ${JSON.stringify(character)} is not on a US keyboard; paste it by SSH or the serial console`,
    )
  })
}

/** A chord by its keys' names, such as `ctrl`, `alt`, `delete`. Pure. @throws {RangeError} that names the key */
export function chordOf(names: readonly string[]): Chord {
  if (names.length === 0 || names.length > longestChord)
    throw new RangeError(`keys: press 1 to ${longestChord} keys together`)
  return names.map((given) => {
    const name = given.toLowerCase()
    const key = aliases[name] ?? name
    if (/^[a-z0-9]$/.test(key) || keys.has(key)) return key
    throw new RangeError(`keys: ${JSON.stringify(given)} is not a key; use letters, digits, ${[...keys].join(', ')}`)
  })
}

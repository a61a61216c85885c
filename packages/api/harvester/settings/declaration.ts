/** One setting: its name, what it holds by default and what it means. */
export interface SettingDeclaration {
  name: string
  /** The value while none is set; JSON settings hold JSON text. */
  default: string
  /** For people, one sentence. */
  about: string
  /** What is wrong with a value; never called with an empty one, which means the default. */
  check?: (value: string) => string[]
}

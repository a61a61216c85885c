import { createContext, useContext } from 'react'
import { en, type Message, type TextKey } from './en.ts'
import { Formats } from './format.ts'
import { zh } from './zh.ts'

export type { TextKey } from './en.ts'

/** The languages that the dashboard speaks, by their own names. */
export const languages = { en: 'English', zh: '中文' } as const
export type Language = keyof typeof languages

const tables: Record<Language, Record<TextKey, Message>> = { en, zh }

/** Values for the places in a text; `count` chooses between singular and plural. */
export type TextValues = Record<string, string | number>

/** Texts, dates and units of one language. */
export class Texts extends Formats {
  readonly language: Language
  readonly #plurals: Intl.PluralRules

  constructor(language: Language) {
    super(language === 'zh' ? 'zh-CN' : 'en')
    this.language = language
    this.#plurals = new Intl.PluralRules(this.locale)
  }

  /** The text of a key, with `{name}` replaced by values. Numbers are written as the language does. */
  t(key: TextKey, values: TextValues = {}): string {
    const message = tables[this.language][key]
    const count = Number(values['count'] ?? 0)
    const form =
      typeof message === 'string' ? message : this.#plurals.select(count) === 'one' ? message.one : message.other
    return form.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = values[name]
      return typeof value === 'number' ? this.number(value) : (value ?? '')
    })
  }

  /** The text of a key that may not be there; `otherwise` when it is not. */
  find(key: string, otherwise: string): string {
    return Object.hasOwn(en, key) ? this.t(key as TextKey) : otherwise
  }
}

/** The first of the browser's languages that we speak. */
export function preferredLanguage(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const [base = ''] = tag.toLowerCase().split('-')
    if (Object.hasOwn(languages, base)) return base as Language
  }
  return 'en'
}

export const TextContext = createContext<Texts>(new Texts('en'))

/** The texts of the language that is chosen. */
export function useTexts(): Texts {
  return useContext(TextContext)
}

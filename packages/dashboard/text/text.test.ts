import { expect, test } from 'vitest'
import { en } from './en.ts'
import { preferredLanguage, Texts } from './text.ts'
import { zh } from './zh.ts'

const english = new Texts('en')
const chinese = new Texts('zh')

test('both languages have the same places for values in every text', () => {
  const placesOf = (message: unknown) => [...new Set(JSON.stringify(message).match(/\{\w+\}/g))].sort()
  for (const key of Object.keys(en) as (keyof typeof en)[]) {
    const [first, second] = [placesOf(en[key]), placesOf(zh[key])]
    // Chinese has no plural, so it may say a number that English puts into words, and the other way round.
    expect(
      second.filter((place) => place !== '{count}'),
      key,
    ).toEqual(first.filter((place) => place !== '{count}'))
  }
})

test('numbers choose the plural, and are written as the language does', () => {
  expect(english.t('roomFor', { count: 1 })).toBe('Room for 1 more machine of 1 CPU and 4 GiB')
  expect(english.t('roomFor', { count: 1400 })).toBe('Room for 1,400 more machines of 1 CPU and 4 GiB')
  expect(chinese.t('roomFor', { count: 14 })).toBe('还可容纳 14 台 1 CPU、4 GiB 的虚拟机')
})

test('sizes have units of 1024, ages the largest unit that fits', () => {
  expect(english.bytes(1.5 * 2 ** 30)).toBe('1.5 GiB')
  expect(english.bytes(0)).toBe('0 B')
  const now = Date.parse('2026-01-02T00:00:00Z')
  expect(english.ago('2026-01-01T21:00:00Z', now)).toBe('3h ago')
  expect(chinese.ago('2026-01-01T21:00:00Z', now)).toBe('3小时前')
  expect(english.ago(undefined)).toBe('—')
})

test('the first language of the browser that we speak is taken', () => {
  expect(preferredLanguage(['fr-FR', 'zh-Hans-CN', 'en'])).toBe('zh')
  expect(preferredLanguage(['fr'])).toBe('en')
})

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { kinds } from '@thresher/api/kinds'
import { User } from '@thresher/api/auth/user'
import { entryOf, pages } from './pages.ts'

const source = (file: string) => readFileSync(join(import.meta.dirname, file), 'utf8')

test('each page’s line names the kind that its file is about', () => {
  // Read as text: the files themselves are for the browser, style sheets and all.
  const lines = [...source('pages.ts').matchAll(/path: '([\w-]+)',[^}]*?import\('\.\/([\w-]+\.tsx)'\)/g)]
  expect(lines).toHaveLength(pages.length)
  for (const [, path, file] of lines) {
    const name = /^ {2}kind: (\w+),$/m.exec(source(file!))?.[1]
    const entry = pages.find((page) => page.path === path)!
    const kind = [...kinds, User].find((one) => one.group === entry.group && one.plural === entry.plural)
    expect(kind?.kind, path).toBe(name)
  }
})

test('no path and no kind has two pages', () => {
  expect(new Set(pages.map(({ path }) => path)).size).toBe(pages.length)
  for (const { path, group, plural } of pages) expect(entryOf(group, plural)?.path).toBe(path)
})

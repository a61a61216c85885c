import type { StoredValue, UnreadableValue } from './store.ts'

/** The value that `open` reads, or why it cannot be read. */
export function readable(key: string, revision: number, open: () => StoredValue): StoredValue | UnreadableValue {
  try {
    return open()
  } catch (error) {
    return { key, revision, unreadable: error instanceof Error ? error : new Error(String(error)) }
  }
}

/** A page's values, those that can be read apart from those that cannot. */
export function partitionReadable(values: readonly (StoredValue | UnreadableValue)[]): {
  items: StoredValue[]
  unreadable: UnreadableValue[]
} {
  const items: StoredValue[] = []
  const unreadable: UnreadableValue[] = []
  for (const value of values) {
    if ('unreadable' in value) unreadable.push(value)
    else items.push(value)
  }
  return { items, unreadable }
}

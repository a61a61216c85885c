import type { Column } from './kind.ts'

type TextColumn = Column & { path: string }

/** The age of an object since its creation. */
export const age: TextColumn = { name: 'Age', type: 'date', path: '.metadata.creationTimestamp' }

/** A column of text at a JSONPath. */
export function column(name: string, path: string, type: Column['type'] = 'string'): TextColumn {
  return { name, type, path }
}

/** A column shown only with `-o wide`. */
export function wide(name: string, path: string, type: Column['type'] = 'string'): TextColumn {
  return { name, type, path, priority: 1 }
}

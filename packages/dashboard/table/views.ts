/** A list as somebody likes to see it: search, order, columns and grouping, as they stand in the address. */
export interface View {
  name: string
  query: string
}

/** The most views of one list, and the longest name. */
export const mostViews = 20
export const longestName = 40

/** Read the views that a browser keeps. What is not of that form is left out: anyone may have written there. */
export function parseViews(text: string): View[] {
  let value: unknown
  try {
    value = JSON.parse(text || '[]')
  } catch {
    return []
  }
  return Array.isArray(value) ? value.filter(isView).slice(0, mostViews) : []
}

function isView(value: unknown): value is View {
  if (typeof value !== 'object' || value === null) return false
  const { name, query } = value as Partial<View>
  return typeof name === 'string' && name !== '' && name.length <= longestName && typeof query === 'string'
}

/** The views with one more; one of the same name gives way. */
export function withView(views: readonly View[], view: View): View[] {
  return [...views.filter(({ name }) => name !== view.name), view].slice(-mostViews)
}

/** The columns that are left out, as they stand in the address. */
export function hiddenColumns(query: URLSearchParams): ReadonlySet<string> {
  return new Set((query.get('hide') ?? '').split(',').filter(Boolean))
}

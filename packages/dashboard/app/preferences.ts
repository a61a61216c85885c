import { useCallback, useState } from 'react'

/** What a browser remembers of its user's taste, by name. A browser that keeps nothing is no error. */
export function usePreference<T extends string>(name: string, otherwise: T): [T, (value: T) => void] {
  const key = `thresher.${name}`
  const [value, setValue] = useState<T>(() => (read(key) as T | null) ?? otherwise)
  const change = useCallback(
    (next: T) => {
      setValue(next)
      try {
        localStorage.setItem(key, next)
      } catch {
        // Private windows may refuse; the choice then holds until the page is closed.
      }
    },
    [key],
  )
  return [value, change]
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}

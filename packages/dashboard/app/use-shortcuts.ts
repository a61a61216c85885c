import { useEffect } from 'react'
import { go, hrefOf } from './route.ts'

/** Where `g` and a letter go. */
const places: Record<string, string> = {
  o: '#/',
  m: hrefOf(['machines']),
  i: hrefOf(['images']),
  v: hrefOf(['volumes']),
  h: hrefOf(['hosts']),
  e: hrefOf(['events']),
}

/** How long after `g` a letter still belongs to it. */
const patienceMs = 1500

/** What the keys open. */
export interface ShortcutTargets {
  palette: () => void
  list: () => void
}

/**
 * Keys that work everywhere but where one types: in fields, editors and consoles a letter is a letter. Only Ctrl K works there too.
 */
export function useShortcuts({ palette, list }: ShortcutTargets): void {
  useEffect(() => {
    let goingSince = 0
    const press = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault()
        return palette()
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || isAsked()) return
      const isGoing = event.timeStamp - goingSince < patienceMs && goingSince > 0
      goingSince = event.key === 'g' && !isGoing ? event.timeStamp : 0
      const place = isGoing ? places[event.key] : undefined
      if (place) go(place)
      else if (event.key === '?') list()
      else if (event.key === '/') focusOn('.th-search input')
      else if (event.key === 'c') document.querySelector<HTMLElement>('[data-shortcut=create]')?.click()
      else return
      event.preventDefault()
    }
    window.addEventListener('keydown', press)
    return () => window.removeEventListener('keydown', press)
  }, [palette, list])
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.closest('input, textarea, select, .cm-editor, .th-serial, .th-screen') !== null)
  )
}

/** A dialog that is open has the keys. */
function isAsked(): boolean {
  return document.querySelector('[role=dialog]') !== null
}

function focusOn(selector: string): void {
  document.querySelector<HTMLElement>(selector)?.focus()
}

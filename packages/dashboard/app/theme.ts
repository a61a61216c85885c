import { useEffect, useState } from 'react'

/** Light, dark, or as the system is. */
export type Theme = 'system' | 'light' | 'dark'

const darkClass = 'pf-v6-theme-dark'

/** Show the page in a theme. */
export function useTheme(theme: Theme): void {
  const [systemDark, setSystemDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches)
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)')
    const follow = () => setSystemDark(query.matches)
    query.addEventListener('change', follow)
    return () => query.removeEventListener('change', follow)
  }, [])
  const dark = theme === 'dark' || (theme === 'system' && systemDark)
  useEffect(() => {
    document.documentElement.classList.toggle(darkClass, dark)
  }, [dark])
}

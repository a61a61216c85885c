import { useCallback, useEffect, useMemo, useState } from 'react'
import { isReason } from '@thresher/api/error'
import { ConnectionContext, useReach, type Connection } from '../live/connection.ts'
import { preferredLanguage, TextContext, Texts, type Language } from '../text/text.ts'
import { usePreference } from './preferences.ts'
import { currentSession, type Session } from './session.ts'
import { Shell } from './shell.tsx'
import { SignIn } from './sign-in.tsx'
import { useTheme, type Theme } from './theme.ts'

/** What the user has chosen for how things look. */
export interface Looks {
  language: Language
  setLanguage(language: Language): void
  theme: Theme
  setTheme(theme: Theme): void
}

/** The dashboard: the sign-in page, or everything else once someone is signed in. */
export function App({ connection }: { connection: Connection }) {
  const [language, setLanguage] = usePreference<Language>('language', preferredLanguage(navigator.languages))
  const [theme, setTheme] = usePreference<Theme>('theme', 'system')
  useTheme(theme)
  const texts = useMemo(() => new Texts(language), [language])
  useEffect(() => {
    document.documentElement.lang = texts.locale
  }, [texts])
  const looks = { language, setLanguage, theme, setTheme }
  return (
    <ConnectionContext value={connection}>
      <TextContext value={texts}>
        <Gate connection={connection} looks={looks} />
      </TextContext>
    </ConnectionContext>
  )
}

/** Shows what goes with the session. One that has ended is begun anew above the page, so that a form half filled stays. */
function Gate({ connection, looks }: { connection: Connection; looks: Looks }) {
  const [session, setSession] = useState<Session | null>()
  const reach = useReach()
  const { transport, reachability, lists } = connection
  useEffect(() => {
    if (session !== undefined) return
    const ask = () =>
      currentSession(transport).then(setSession, (error: unknown) => {
        if (isReason(error, 'Unauthorized')) setSession(null)
      })
    void ask()
    const again = setInterval(() => void ask(), 3000)
    return () => clearInterval(again)
  }, [session, transport])
  const begin = useCallback(
    (next: Session) => {
      // Another user must not see what the last one saw.
      if (session && session.user !== next.user) location.reload()
      reachability.signedIn()
      setSession(next)
    },
    [session, reachability],
  )
  const end = useCallback(() => {
    lists.close()
    location.hash = '#/'
    setSession(null)
  }, [lists])
  if (session === undefined) return null
  if (session === null) return <SignIn looks={looks} onSession={begin} />
  return (
    <>
      <Shell session={session} looks={looks} onSignedOut={end} onSession={setSession} />
      {reach === 'signed-out' && <SignIn again={session.user} looks={looks} onSession={begin} />}
    </>
  )
}

import { lazy, Suspense, useCallback, useEffect, useState } from 'react'
import {
  Alert,
  Button,
  Masthead,
  MastheadBrand,
  MastheadContent,
  MastheadMain,
  MastheadToggle,
  Page,
  PageSidebar,
  PageSidebarBody,
  PageToggleButton,
  SkipToContent,
} from '@patternfly/react-core'
import BarsIcon from '@patternfly/react-icons/dist/esm/icons/bars-icon'
import SearchIcon from '@patternfly/react-icons/dist/esm/icons/search-icon'
import { Namespace } from '@thresher/api/core/namespace'
import { RightsContext, useConnection, useReach, useRightsIn } from '../live/connection.ts'
import { Rights } from '../live/rights.ts'
import { useTexts } from '../text/text.ts'
import type { Looks } from './app.tsx'
import { LooksMenu } from './looks-menu.tsx'
import { FailureBoundary } from './failure-boundary.tsx'
import { Loading } from './loading.tsx'
import { Logo } from './logo.tsx'
import { Navigation } from './navigation.tsx'
import { NamespaceContext, NamespaceMenu } from './namespace.tsx'
import { NoticeProvider } from './notices.tsx'
import { CommandPalette } from './palette.tsx'
import { Place } from './place.tsx'
import { usePreference } from './preferences.ts'
import { useRoute } from './route.ts'
import { currentSession, type Session } from './session.ts'
import { useShortcuts } from './use-shortcuts.ts'
import { UserMenu } from './user-menu.tsx'

const ShortcutsDialog = lazy(() => import('./shortcuts.tsx').then((file) => ({ default: file.ShortcutsDialog })))

const noRights = new Rights([])
const none: readonly string[] = []

/** The frame around every page: where one is, who one is, and what can be reached. */
export function Shell(props: {
  session: Session
  looks: Looks
  onSignedOut: () => void
  onSession: (session: Session) => void
}) {
  const texts = useTexts()
  const { session, looks } = props
  const [chosen, setChosen] = usePreference<string>('namespace', '')
  const [own] = session.namespaces ?? none
  const cluster = useRightsIn('default', session.user)
  // Who may look at no namespaces has one of his own, unless he has chosen another.
  const namespace = chosen || (cluster && !cluster.may('list', Namespace) ? (own ?? '') : '')
  const [palette, setPalette] = useState(false)
  const [listed, setListed] = useState(false)
  const rights = useRightsIn(namespace || 'default', session.user)
  const route = useRoute()
  const openPalette = useCallback(() => setPalette(true), [])
  const openList = useCallback(() => setListed(true), [])
  useShortcuts({ palette: openPalette, list: openList })
  const masthead = (
    <Masthead>
      <MastheadMain>
        <MastheadToggle>
          <PageToggleButton variant="plain" aria-label={texts.t('navigation')} isHamburgerButton={false}>
            <BarsIcon />
          </PageToggleButton>
        </MastheadToggle>
        <MastheadBrand>
          <a href="#/" className="th-brand" aria-label="Thresher">
            <Logo small />
          </a>
        </MastheadBrand>
      </MastheadMain>
      <MastheadContent>
        <div className="th-masthead">
          <NamespaceMenu namespace={namespace} own={session.namespaces ?? none} onChange={setChosen} />
          <Button
            variant="control"
            className="th-palette-button"
            icon={<SearchIcon />}
            onClick={() => setPalette(true)}
            aria-label={texts.t('palette')}
          >
            <span className="th-palette-label">{texts.t('palette')}</span>
            <kbd>Ctrl K</kbd>
          </Button>
          <LooksMenu looks={looks} />
          <UserMenu session={session} onSignedOut={props.onSignedOut} onSession={props.onSession} />
        </div>
      </MastheadContent>
    </Masthead>
  )
  const sidebar = (
    <PageSidebar>
      <PageSidebarBody>
        <Navigation route={route} />
      </PageSidebarBody>
    </PageSidebar>
  )
  return (
    <RightsContext value={rights ?? noRights}>
      <NamespaceContext value={namespace}>
        <NoticeProvider>
          <Page
            masthead={masthead}
            sidebar={sidebar}
            isManagedSidebar
            skipToContent={
              <SkipToContent href="#content" onClick={focusContent}>
                {texts.t('skip')}
              </SkipToContent>
            }
            mainContainerId="content"
            isContentFilled
          >
            <OfflineBanner />
            {rights && cluster && (
              <Suspense fallback={<Loading />}>
                <FailureBoundary key={route.parts.join('/')} texts={texts}>
                  <Place route={route} />
                </FailureBoundary>
              </Suspense>
            )}
          </Page>
          {listed && (
            <Suspense fallback={null}>
              <ShortcutsDialog onClose={() => setListed(false)} />
            </Suspense>
          )}
          {palette && <CommandPalette looks={looks} onClose={() => setPalette(false)} />}
        </NoticeProvider>
      </NamespaceContext>
    </RightsContext>
  )
}

/** The address holds where one is, so the link to the content cannot be an anchor. */
function focusContent(event: { preventDefault(): void }): void {
  event.preventDefault()
  document.getElementById('content')?.focus()
}

function OfflineBanner() {
  const texts = useTexts()
  const reach = useReach()
  const { transport } = useConnection()
  useEffect(() => {
    if (reach !== 'offline') return
    // Any answer says that the server is back; the session's costs least.
    const probe = setInterval(() => void currentSession(transport).catch(() => {}), 2000)
    return () => clearInterval(probe)
  }, [reach, transport])
  if (reach !== 'offline') return null
  return (
    <Alert variant="warning" isInline className="th-offline" title={texts.t('offline')} aria-live="polite">
      {texts.t('offlineHelp')}
    </Alert>
  )
}

import { lazy, Suspense, useState } from 'react'
import { Dropdown, DropdownItem, DropdownList, MenuToggle } from '@patternfly/react-core'
import UserIcon from '@patternfly/react-icons/dist/esm/icons/user-icon'
import { useConnection } from '../live/connection.ts'
import { useTexts } from '../text/text.ts'
import { useNotify } from './notices.tsx'
import { signOut, type Session } from './session.ts'

const ChangePassword = lazy(() =>
  import('./change-password.tsx').then((module) => ({ default: module.ChangePassword })),
)

/** Who is signed in, and what one does for oneself. */
export function UserMenu(props: { session: Session; onSignedOut: () => void; onSession: (session: Session) => void }) {
  const texts = useTexts()
  const notify = useNotify()
  const { transport } = useConnection()
  const { session } = props
  const [open, setOpen] = useState(false)
  const [changing, setChanging] = useState(session.mustChangePassword === true)
  const leave = () => {
    signOut(transport).then(props.onSignedOut, (error: unknown) => notify.failed(texts.t('signOut'), error))
  }
  return (
    <>
      <Dropdown
        isOpen={open}
        onOpenChange={setOpen}
        onSelect={() => setOpen(false)}
        popperProps={{ position: 'right' }}
        toggle={(ref) => (
          <MenuToggle
            ref={ref}
            icon={<UserIcon />}
            isExpanded={open}
            onClick={() => setOpen(!open)}
            className="th-user"
            aria-label={session.user}
          >
            <span className="th-user-name">{session.displayName || session.user}</span>
          </MenuToggle>
        )}
      >
        <DropdownList>
          <DropdownItem onClick={() => setChanging(true)}>{texts.t('changePassword')}</DropdownItem>
          <DropdownItem onClick={leave}>{texts.t('signOut')}</DropdownItem>
        </DropdownList>
      </Dropdown>
      {changing && (
        <Suspense fallback={null}>
          <ChangePassword
            required={session.mustChangePassword === true}
            onClose={() => {
              setChanging(false)
              props.onSession({ ...session, mustChangePassword: false })
            }}
          />
        </Suspense>
      )}
    </>
  )
}

import { useState, type FormEvent } from 'react'
import { Alert, Button, Form, FormGroup, Modal, ModalBody, ModalHeader, TextInput, Title } from '@patternfly/react-core'
import { isReason } from '@thresher/api/error'
import { useConnection } from '../live/connection.ts'
import { useTexts } from '../text/text.ts'
import type { Looks } from './app.tsx'
import { failureOf } from './failure.ts'
import { LooksMenu } from './looks-menu.tsx'
import { Logo } from './logo.tsx'
import { signIn, type Session } from './session.ts'

/**
 * Name and password. As a page of its own, or, with `again`, above the page of a user whose session has ended: what that page holds
 * is still there afterwards.
 */
export function SignIn(props: { again?: string; looks: Looks; onSession: (session: Session) => void }) {
  const texts = useTexts()
  const { again, looks, onSession } = props
  if (again !== undefined)
    return (
      <Modal isOpen variant="small" aria-labelledby="sign-in-again">
        <ModalHeader title={texts.t('signInAgain')} description={texts.t('signInAgainHelp')} labelId="sign-in-again" />
        <ModalBody>
          <SignInForm user={again} onSession={onSession} />
        </ModalBody>
      </Modal>
    )
  return (
    <main className="th-sign-in">
      <div className="th-sign-in-card">
        <Logo />
        <Title headingLevel="h1" size="2xl">
          {texts.t('signInTitle')}
        </Title>
        <SignInForm onSession={onSession} />
        <p className="th-hint">{texts.t('signInFirst')}</p>
        <code className="th-hint-code">./thresher up</code>
      </div>
      <div className="th-sign-in-looks">
        <LooksMenu looks={looks} />
      </div>
    </main>
  )
}

function SignInForm({ user = '', onSession }: { user?: string; onSession: (session: Session) => void }) {
  const texts = useTexts()
  const { transport } = useConnection()
  const [name, setName] = useState(user)
  const [password, setPassword] = useState('')
  const [problem, setProblem] = useState('')
  const [busy, setBusy] = useState(false)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    setProblem('')
    signIn(transport, name, password)
      .then(onSession, (error: unknown) => {
        setPassword('')
        setProblem(
          isReason(error, 'Unauthorized')
            ? texts.t('signInWrong')
            : [failureOf(error, texts).title, failureOf(error, texts).detail].filter(Boolean).join(' '),
        )
      })
      .finally(() => setBusy(false))
  }
  return (
    <Form onSubmit={submit}>
      {problem && <Alert variant="danger" isInline isPlain title={problem} />}
      <FormGroup label={texts.t('userName')} fieldId="user">
        <TextInput
          id="user"
          value={name}
          onChange={(_, value) => setName(value)}
          autoComplete="username"
          autoFocus={!user}
          isRequired
        />
      </FormGroup>
      <FormGroup label={texts.t('password')} fieldId="password">
        <TextInput
          id="password"
          type="password"
          value={password}
          onChange={(_, value) => setPassword(value)}
          autoComplete="current-password"
          autoFocus={Boolean(user)}
          isRequired
        />
      </FormGroup>
      <Button type="submit" isBlock isLoading={busy} isDisabled={busy || !name || !password}>
        {texts.t('signIn')}
      </Button>
    </Form>
  )
}

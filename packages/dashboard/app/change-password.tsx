import { useState, type FormEvent } from 'react'
import {
  Alert,
  Button,
  Form,
  FormGroup,
  Modal,
  ModalBody,
  ModalFooter,
  ModalHeader,
  TextInput,
} from '@patternfly/react-core'
import { isReason } from '@thresher/api/error'
import { useConnection } from '../live/connection.ts'
import { useTexts } from '../text/text.ts'
import { failureOf } from './failure.ts'
import { useNotify } from './notices.tsx'
import { changePassword } from './session.ts'

/** Asks for the old and the new password. `required` when an administrator wants it changed before anything else. */
export function ChangePassword({ required, onClose }: { required: boolean; onClose: () => void }) {
  const texts = useTexts()
  const notify = useNotify()
  const { transport } = useConnection()
  const [current, setCurrent] = useState('')
  const [next, setNext] = useState('')
  const [problem, setProblem] = useState('')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    changePassword(transport, current, next).then(
      () => {
        notify.done(texts.t('passwordChanged'))
        onClose()
      },
      (error: unknown) => {
        const failure = failureOf(error, texts)
        const rule = Object.values(failure.fields)[0] ?? failure.detail
        setProblem(isReason(error, 'Unauthorized') ? texts.t('passwordWrong') : (rule ?? failure.title))
      },
    )
  }
  return (
    <Modal isOpen variant="small" onClose={required ? undefined : onClose} aria-labelledby="change-password">
      <ModalHeader
        title={texts.t('changePassword')}
        description={required ? texts.t('passwordMust') : texts.t('passwordHelp')}
        labelId="change-password"
      />
      <ModalBody>
        <Form id="change-password-form" onSubmit={submit}>
          {problem && <Alert variant="danger" isInline isPlain title={problem} />}
          <FormGroup label={texts.t('passwordCurrent')} fieldId="current" isRequired>
            <TextInput
              id="current"
              type="password"
              value={current}
              autoComplete="current-password"
              onChange={(_, value) => setCurrent(value)}
            />
          </FormGroup>
          <FormGroup label={texts.t('passwordNew')} fieldId="next" isRequired>
            <TextInput
              id="next"
              type="password"
              value={next}
              autoComplete="new-password"
              onChange={(_, value) => setNext(value)}
            />
          </FormGroup>
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form="change-password-form" isDisabled={!current || !next}>
          {texts.t('changePassword')}
        </Button>
        {!required && (
          <Button variant="link" onClick={onClose}>
            {texts.t('cancel')}
          </Button>
        )}
      </ModalFooter>
    </Modal>
  )
}

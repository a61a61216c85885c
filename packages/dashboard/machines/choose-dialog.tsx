import { useState } from 'react'
import {
  Button,
  Form,
  FormGroup,
  FormSelect,
  FormSelectOption,
  Modal,
  ModalBody,
  ModalFooter,
  ModalHeader,
} from '@patternfly/react-core'
import { Loading } from '../app/loading.tsx'
import { useTexts, type TextKey } from '../text/text.ts'

/** One of what can be chosen. */
export interface Choice {
  value: string
  label: string
}

/** Asks for one of several things. What is not there any more when it is confirmed is not chosen. */
export function ChooseDialog(props: {
  title: TextKey
  label: TextKey
  help: TextKey
  /** What is said when there is nothing to choose. */
  none: TextKey
  /** Undefined until they are known. */
  choices: Choice[] | undefined
  onChoose: (value: string) => void
  onClose: () => void
}) {
  const texts = useTexts()
  const { choices, onChoose, onClose } = props
  const [value, setValue] = useState('')
  const chosen = choices?.find((choice) => choice.value === value) ?? choices?.[0]
  const title = texts.t(props.title)
  return (
    <Modal isOpen variant="small" onClose={onClose} aria-labelledby="choose-title">
      <ModalHeader title={title} description={texts.t(props.help)} labelId="choose-title" />
      <ModalBody>
        {chosen ? (
          <Form>
            <FormGroup label={texts.t(props.label)} fieldId="choose-value">
              <FormSelect id="choose-value" value={chosen.value} onChange={(_, next) => setValue(next)}>
                {choices?.map((choice) => (
                  <FormSelectOption key={choice.value} value={choice.value} label={choice.label} />
                ))}
              </FormSelect>
            </FormGroup>
          </Form>
        ) : choices ? (
          <p>{texts.t(props.none)}</p>
        ) : (
          <Loading />
        )}
      </ModalBody>
      <ModalFooter>
        <Button
          isDisabled={!chosen}
          onClick={() => {
            if (chosen) onChoose(chosen.value)
            onClose()
          }}
        >
          {title}
        </Button>
        <Button variant="link" onClick={onClose}>
          {texts.t('cancel')}
        </Button>
      </ModalFooter>
    </Modal>
  )
}

import { useState } from 'react'
import { Button, Modal, ModalBody, ModalFooter, ModalHeader, TextArea } from '@patternfly/react-core'
import { useTexts } from '../text/text.ts'

/** Takes a text that is then typed into the guest, key by key. */
export function PasteText({ onText, onClose }: { onText: (text: string) => void; onClose: () => void }) {
  const texts = useTexts()
  const [text, setText] = useState('')
  return (
    <Modal isOpen variant="small" onClose={onClose} aria-labelledby="paste-title">
      <ModalHeader title={texts.t('pasteText')} description={texts.t('pasteHelp')} labelId="paste-title" />
      <ModalBody>
        <TextArea
          autoFocus
          rows={6}
          className="th-mono"
          value={text}
          aria-label={texts.t('pasteText')}
          onChange={(_, next) => setText(next)}
        />
      </ModalBody>
      <ModalFooter>
        <Button
          isDisabled={text === ''}
          onClick={() => {
            onText(text)
            onClose()
          }}
        >
          {texts.t('typeIn')}
        </Button>
        <Button variant="link" onClick={onClose}>
          {texts.t('cancel')}
        </Button>
      </ModalFooter>
    </Modal>
  )
}

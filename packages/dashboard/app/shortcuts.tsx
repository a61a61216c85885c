import { Modal, ModalBody, ModalHeader } from '@patternfly/react-core'
import { useTexts, type TextKey } from '../text/text.ts'

/** The keys that do something, and what. */
export const shortcuts: { keys: string[]; text: TextKey }[] = [
  { keys: ['Ctrl', 'K'], text: 'shortcutPalette' },
  { keys: ['/'], text: 'shortcutSearch' },
  { keys: ['c'], text: 'shortcutCreate' },
  { keys: ['g', 'o'], text: 'overview' },
  { keys: ['g', 'm'], text: 'machines' },
  { keys: ['g', 'i'], text: 'images' },
  { keys: ['g', 'v'], text: 'volumes' },
  { keys: ['g', 'h'], text: 'hosts' },
  { keys: ['g', 'e'], text: 'events' },
  { keys: ['?'], text: 'shortcuts' },
  { keys: ['Esc'], text: 'shortcutClose' },
]

/** The list of keys. */
export function ShortcutsDialog({ onClose }: { onClose: () => void }) {
  const texts = useTexts()
  return (
    <Modal isOpen variant="small" onClose={onClose} aria-labelledby="shortcuts-title">
      <ModalHeader title={texts.t('shortcuts')} labelId="shortcuts-title" />
      <ModalBody>
        <dl className="th-shortcuts">
          {shortcuts.map(({ keys, text }) => (
            <div key={text}>
              <dt>
                {keys.map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </dt>
              <dd>{texts.t(text)}</dd>
            </div>
          ))}
        </dl>
      </ModalBody>
    </Modal>
  )
}

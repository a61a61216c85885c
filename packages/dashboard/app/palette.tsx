import { useMemo, useState, type KeyboardEvent } from 'react'
import { Modal, ModalBody, SearchInput } from '@patternfly/react-core'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { useList, useRights } from '../live/connection.ts'
import { pages } from '../pages/pages.ts'
import { searchRows } from '../table/rows.ts'
import { useTexts } from '../text/text.ts'
import type { Looks } from './app.tsx'
import { useNamespace } from './namespace.tsx'
import { go, hrefOf } from './route.ts'

/** Something the palette goes to or does. */
interface Entry {
  id: string
  group: string
  label: string
  run: () => void
}

const mostShown = 12

/** Goes to any page or machine, and does what is done often, from the keyboard alone. */
export function CommandPalette({ looks, onClose }: { looks: Looks; onClose: () => void }) {
  const texts = useTexts()
  const rights = useRights()
  const namespace = useNamespace()
  const [search, setSearch] = useState('')
  const [at, setAt] = useState(0)
  const { objects } = useList<VirtualMachine>(
    rights.may('list', VirtualMachine) ? VirtualMachine : undefined,
    namespace ? { namespace } : {},
  )
  const entries = useMemo((): Entry[] => {
    const open = (id: string, group: string, label: string, href: string): Entry => ({
      id,
      group,
      label,
      run: () => go(href),
    })
    const shown = pages.filter((page) => rights.may('list', page))
    return [
      open('overview', texts.t('goTo'), texts.t('overview'), '#/'),
      ...shown.map((page) => open(page.path, texts.t('goTo'), texts.t(page.title), hrefOf([page.path]))),
      ...shown
        .filter((page) => rights.may('create', page) && page.path !== 'events' && page.path !== 'hosts')
        .map((page) =>
          open(
            `+${page.path}`,
            texts.t('create'),
            texts.t('createIn', { title: texts.t(page.title) }),
            hrefOf([page.path, '+']),
          ),
        ),
      ...objects.map(({ metadata }) =>
        open(
          metadata.uid ?? '',
          texts.t('machines'),
          metadata.name ?? '',
          hrefOf(['machines', metadata.namespace, metadata.name]),
        ),
      ),
      { id: 'dark', group: texts.t('theme'), label: texts.t('themeDark'), run: () => looks.setTheme('dark') },
      { id: 'light', group: texts.t('theme'), label: texts.t('themeLight'), run: () => looks.setTheme('light') },
      {
        id: 'language',
        group: texts.t('language'),
        label: looks.language === 'en' ? '中文' : 'English',
        run: () => looks.setLanguage(looks.language === 'en' ? 'zh' : 'en'),
      },
    ]
  }, [texts, rights, objects, looks])
  const found = searchRows(entries, search, ({ group, label }) => `${group} ${label}`.toLowerCase()).slice(0, mostShown)
  const index = Math.min(at, Math.max(0, found.length - 1))
  const run = (entry: Entry | undefined) => {
    if (!entry) return
    onClose()
    entry.run()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') setAt((index + 1) % Math.max(1, found.length))
    else if (event.key === 'ArrowUp') setAt((index - 1 + found.length) % Math.max(1, found.length))
    else if (event.key === 'Enter') run(found[index])
    else return
    event.preventDefault()
  }
  return (
    <Modal isOpen variant="small" position="top" onClose={onClose} aria-label={texts.t('palette')}>
      <ModalBody>
        <div onKeyDown={onKeyDown} className="th-palette">
          <SearchInput
            autoFocus
            value={search}
            placeholder={texts.t('paletteHelp')}
            aria-label={texts.t('palette')}
            onChange={(_, value) => {
              setSearch(value)
              setAt(0)
            }}
            onClear={() => setSearch('')}
          />
          <ul role="listbox" aria-label={texts.t('palette')}>
            {found.map((entry, position) => (
              <li key={entry.id} role="option" aria-selected={position === index}>
                <button type="button" tabIndex={-1} onMouseEnter={() => setAt(position)} onClick={() => run(entry)}>
                  <span>{entry.label}</span>
                  <small>{entry.group}</small>
                </button>
              </li>
            ))}
          </ul>
          {found.length === 0 && <p>{texts.t('nothingFound')}</p>}
        </div>
      </ModalBody>
    </Modal>
  )
}

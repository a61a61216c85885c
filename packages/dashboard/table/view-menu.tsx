import { useState } from 'react'
import {
  Button,
  Divider,
  Dropdown,
  DropdownGroup,
  DropdownItem,
  DropdownList,
  MenuToggle,
  Modal,
  ModalBody,
  ModalFooter,
  ModalHeader,
  TextInput,
} from '@patternfly/react-core'
import { usePreference } from '../app/preferences.ts'
import { go, hrefOf, setQuery, type Route } from '../app/route.ts'
import type { Column } from '../page/page.ts'
import { useTexts } from '../text/text.ts'
import { hiddenColumns, longestName, parseViews, withView } from './views.ts'

/** Chooses the columns of a list, how it is grouped, and views of it that were saved. */
export function ViewMenu(props: { id: string; route: Route; columns: Column[]; mayGroup: boolean }) {
  const texts = useTexts()
  const { id, route, columns, mayGroup } = props
  const [open, setOpen] = useState(false)
  const [naming, setNaming] = useState(false)
  const [kept, setKept] = usePreference<string>(`views.${id}`, '[]')
  const views = parseViews(kept)
  const hidden = hiddenColumns(route.query)
  const toggle = (column: string) => {
    const next = new Set(hidden)
    if (!next.delete(column)) next.add(column)
    setQuery(route, { hide: [...next].join(',') || undefined })
  }
  const isGrouped = route.query.get('group') === 'namespace'
  const show = (query: string) => go(hrefOf(route.parts, Object.fromEntries(new URLSearchParams(query))), true)
  return (
    <>
      <Dropdown
        isOpen={open}
        onOpenChange={setOpen}
        isScrollable
        popperProps={{ appendTo: () => document.body }}
        toggle={(ref) => (
          <MenuToggle ref={ref} isExpanded={open} onClick={() => setOpen(!open)}>
            {texts.t('view')}
          </MenuToggle>
        )}
      >
        {views.length > 0 && (
          <DropdownGroup label={texts.t('savedViews')}>
            <DropdownList>
              {views.map(({ name, query }) => (
                <DropdownItem
                  key={name}
                  isSelected={query === route.query.toString()}
                  onClick={() => {
                    show(query)
                    setOpen(false)
                  }}
                >
                  {name}
                </DropdownItem>
              ))}
            </DropdownList>
          </DropdownGroup>
        )}
        <DropdownGroup label={texts.t('columns')}>
          <DropdownList>
            {columns.slice(1).map((column) => (
              <DropdownItem
                key={column.id}
                hasCheckbox
                isSelected={!hidden.has(column.id)}
                onClick={() => toggle(column.id)}
              >
                {typeof column.title === 'string' ? texts.t(column.title) : column.title.text}
              </DropdownItem>
            ))}
          </DropdownList>
        </DropdownGroup>
        <Divider />
        <DropdownList>
          {mayGroup && (
            <DropdownItem
              hasCheckbox
              isSelected={isGrouped}
              onClick={() => setQuery(route, { group: isGrouped ? undefined : 'namespace' })}
            >
              {texts.t('groupByNamespace')}
            </DropdownItem>
          )}
          <DropdownItem
            onClick={() => {
              setNaming(true)
              setOpen(false)
            }}
          >
            {texts.t('saveView')}
          </DropdownItem>
        </DropdownList>
      </Dropdown>
      {naming && (
        <NameView
          names={views.map(({ name }) => name)}
          onName={(name) => setKept(JSON.stringify(withView(views, { name, query: route.query.toString() })))}
          onForget={(name) => setKept(JSON.stringify(views.filter((view) => view.name !== name)))}
          onClose={() => setNaming(false)}
        />
      )}
    </>
  )
}

function NameView(props: {
  names: string[]
  onName: (name: string) => void
  onForget: (name: string) => void
  onClose: () => void
}) {
  const texts = useTexts()
  const [name, setName] = useState('')
  const submit = () => {
    props.onName(name.trim())
    props.onClose()
  }
  return (
    <Modal isOpen variant="small" onClose={props.onClose} aria-labelledby="view-title">
      <ModalHeader title={texts.t('saveView')} description={texts.t('saveViewHelp')} labelId="view-title" />
      <ModalBody>
        <TextInput
          autoFocus
          value={name}
          maxLength={longestName}
          aria-label={texts.t('name')}
          onChange={(_, next) => setName(next)}
          onKeyDown={({ key }) => key === 'Enter' && name.trim() !== '' && submit()}
        />
        {props.names.length > 0 && (
          <ul className="th-views">
            {props.names.map((one) => (
              <li key={one}>
                {one}
                <Button
                  variant="link"
                  isInline
                  isDanger
                  aria-label={`${texts.t('forgetView')}: ${one}`}
                  onClick={() => props.onForget(one)}
                >
                  {texts.t('forgetView')}
                </Button>
              </li>
            ))}
          </ul>
        )}
      </ModalBody>
      <ModalFooter>
        <Button isDisabled={name.trim() === ''} onClick={submit}>
          {texts.t('save')}
        </Button>
        <Button variant="link" onClick={props.onClose}>
          {texts.t('cancel')}
        </Button>
      </ModalFooter>
    </Modal>
  )
}

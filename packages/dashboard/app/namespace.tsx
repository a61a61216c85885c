import { createContext, useContext, useState } from 'react'
import {
  Divider,
  MenuSearch,
  MenuSearchInput,
  MenuToggle,
  SearchInput,
  Select,
  SelectList,
  SelectOption,
} from '@patternfly/react-core'
import { Namespace } from '@thresher/api/core/namespace'
import { useList } from '../live/connection.ts'
import { useTexts } from '../text/text.ts'

/** The namespace that is looked at; empty for all. */
export const NamespaceContext = createContext('')

export function useNamespace(): string {
  return useContext(NamespaceContext)
}

/** Chooses the namespace. One may be typed in too, for users who may not list them. */
export function NamespaceMenu({
  namespace,
  own,
  onChange,
}: {
  namespace: string
  /** Those in which the user has been given rights. */
  own: readonly string[]
  onChange: (namespace: string) => void
}) {
  const texts = useTexts()
  const [open, setOpen] = useState(false)
  const [search, setSearch] = useState('')
  const { objects, error } = useList<Namespace>(Namespace)
  const names = error === undefined ? objects.map(({ metadata }) => metadata.name ?? '').sort() : [...own]
  const found = names.filter((name) => name.includes(search.toLowerCase()))
  const typed = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(search) && !names.includes(search) && error !== undefined
  const label = namespace || texts.t('allNamespaces')
  return (
    <Select
      isOpen={open}
      onOpenChange={setOpen}
      isScrollable
      maxMenuHeight="24rem"
      selected={namespace}
      onSelect={(_, value) => {
        onChange(String(value))
        setOpen(false)
        setSearch('')
      }}
      toggle={(ref) => (
        <MenuToggle
          ref={ref}
          isExpanded={open}
          onClick={() => setOpen(!open)}
          className="th-namespace"
          aria-label={`${texts.t('namespace')}: ${label}`}
        >
          <span className="th-namespace-label">{texts.t('namespace')}:</span> {label}
        </MenuToggle>
      )}
    >
      <MenuSearch>
        <MenuSearchInput>
          <SearchInput
            value={search}
            onChange={(_, value) => setSearch(value)}
            onClear={() => setSearch('')}
            aria-label={texts.t('search')}
            placeholder={texts.t('search')}
          />
        </MenuSearchInput>
      </MenuSearch>
      <Divider />
      <SelectList>
        <SelectOption value="">{texts.t('allNamespaces')}</SelectOption>
        {typed ? <SelectOption value={search}>{search}</SelectOption> : null}
        {found.map((name) => (
          <SelectOption key={name} value={name}>
            {name}
          </SelectOption>
        ))}
      </SelectList>
    </Select>
  )
}

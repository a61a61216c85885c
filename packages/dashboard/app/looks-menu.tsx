import { useState } from 'react'
import { Divider, Dropdown, DropdownGroup, DropdownItem, DropdownList, MenuToggle } from '@patternfly/react-core'
import GlobeIcon from '@patternfly/react-icons/dist/esm/icons/globe-icon'
import { languages, useTexts, type Language, type TextKey } from '../text/text.ts'
import type { Looks } from './app.tsx'
import type { Theme } from './theme.ts'

const themes: Record<Theme, TextKey> = { system: 'themeSystem', light: 'themeLight', dark: 'themeDark' }

/** Chooses language and theme. */
export function LooksMenu({ looks }: { looks: Looks }) {
  const texts = useTexts()
  const [open, setOpen] = useState(false)
  return (
    <Dropdown
      isOpen={open}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      popperProps={{ position: 'right' }}
      toggle={(ref) => (
        <MenuToggle
          ref={ref}
          variant="plain"
          icon={<GlobeIcon />}
          aria-label={texts.t('looks')}
          isExpanded={open}
          onClick={() => setOpen(!open)}
        />
      )}
    >
      <DropdownGroup label={texts.t('language')}>
        <DropdownList>
          {Object.entries(languages).map(([id, name]) => (
            <DropdownItem
              key={id}
              lang={id}
              isSelected={looks.language === id}
              onClick={() => looks.setLanguage(id as Language)}
            >
              {name}
            </DropdownItem>
          ))}
        </DropdownList>
      </DropdownGroup>
      <Divider />
      <DropdownGroup label={texts.t('theme')}>
        <DropdownList>
          {Object.entries(themes).map(([id, key]) => (
            <DropdownItem key={id} isSelected={looks.theme === id} onClick={() => looks.setTheme(id as Theme)}>
              {texts.t(key)}
            </DropdownItem>
          ))}
        </DropdownList>
      </DropdownGroup>
    </Dropdown>
  )
}

import { Nav, NavGroup, NavItem, NavList } from '@patternfly/react-core'
import { useRights } from '../live/connection.ts'
import { pages, sections } from '../pages/pages.ts'
import { useTexts } from '../text/text.ts'
import { hrefOf, type Route } from './route.ts'

/** The pages, by section. What one may not look at is not there. */
export function Navigation({ route }: { route: Route }) {
  const texts = useTexts()
  const rights = useRights()
  const [current = ''] = route.parts
  return (
    <Nav aria-label={texts.t('navigation')}>
      <NavList>
        <NavItem to="#/" isActive={current === ''}>
          {texts.t('overview')}
        </NavItem>
      </NavList>
      {sections.map((section) => {
        const shown = pages.filter((page) => page.section === section && rights.may('list', page))
        if (shown.length === 0) return null
        return (
          <NavGroup key={section} title={texts.t(`section_${section}`)}>
            {shown.map((page) => (
              <NavItem key={page.path} to={hrefOf([page.path])} isActive={current === page.path}>
                {texts.t(page.title)}
              </NavItem>
            ))}
          </NavGroup>
        )
      })}
      <NavList>
        <NavItem to={hrefOf(['kinds'])} isActive={current === 'kinds' || current === 'kind'}>
          {texts.t('allKinds')}
        </NavItem>
      </NavList>
    </Nav>
  )
}

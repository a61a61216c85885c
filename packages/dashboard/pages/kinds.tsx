import { useEffect, useState } from 'react'
import { PageSection, SearchInput, Title } from '@patternfly/react-core'
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table'
import { discoverKinds, type ServedKind } from '@thresher/client/discovery'
import { useNotify } from '../app/notices.tsx'
import { hrefOf } from '../app/route.ts'
import { useConnection, useRights } from '../live/connection.ts'
import { searchRows } from '../table/rows.ts'
import { useTexts } from '../text/text.ts'
import { entryOf } from './pages.ts'

/** Every kind that the server has and the user may list, those of CustomResourceDefinitions among them. */
export function Kinds() {
  const texts = useTexts()
  const notify = useNotify()
  const rights = useRights()
  const { transport } = useConnection()
  const [kinds, setKinds] = useState<ServedKind[]>([])
  const [search, setSearch] = useState('')
  useEffect(() => {
    const stop = new AbortController()
    discoverKinds(transport, stop.signal).then(setKinds, (error: unknown) => {
      if (!stop.signal.aborted) notify.failed(texts.t('allKinds'), error)
    })
    return () => stop.abort()
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- once
  }, [transport])
  const listed = kinds.filter((kind) => kind.verbs.includes('list') && rights.may('list', kind))
  const shown = searchRows(listed, search, ({ group, kind, plural }) => `${group} ${kind} ${plural}`.toLowerCase())
  return (
    <>
      <PageSection className="th-head">
        <Title headingLevel="h1">{texts.t('allKinds')}</Title>
        <p className="th-head-help">{texts.t('allKindsHelp')}</p>
      </PageSection>
      <PageSection isFilled>
        <SearchInput
          className="th-kinds-search"
          value={search}
          placeholder={texts.t('search')}
          aria-label={texts.t('search')}
          onChange={(_, value) => setSearch(value)}
          onClear={() => setSearch('')}
        />
        <Table variant="compact" aria-label={texts.t('allKinds')} gridBreakPoint="">
          <Thead>
            <Tr>
              <Th>{texts.t('kind')}</Th>
              <Th>{texts.t('apiGroup')}</Th>
              <Th>{texts.t('version')}</Th>
            </Tr>
          </Thead>
          <Tbody>
            {shown.map((kind) => {
              const entry = entryOf(kind.group, kind.plural)
              const href = entry ? hrefOf([entry.path]) : hrefOf(['kind', kind.group || 'core', kind.plural])
              return (
                <Tr key={`${kind.apiVersion}/${kind.plural}`}>
                  <Td>
                    <a href={href}>{kind.kind}</a>
                  </Td>
                  <Td>{kind.group || '—'}</Td>
                  <Td>{kind.version}</Td>
                </Tr>
              )
            })}
          </Tbody>
        </Table>
      </PageSection>
    </>
  )
}

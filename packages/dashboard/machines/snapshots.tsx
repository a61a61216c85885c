import { Button, EmptyState, EmptyStateBody, EmptyStateFooter } from '@patternfly/react-core'
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table'
import { VirtualMachineBackup } from '@thresher/api/harvester/virtual-machine-backup'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { useState } from 'react'
import { hrefOf } from '../app/route.ts'
import { Loading } from '../app/loading.tsx'
import { useList } from '../live/connection.ts'
import { Confirm, RowActions, useActions } from '../page/actions.tsx'
import type { Action } from '../page/page.ts'
import { useTools } from '../page/tools.ts'
import { machines } from '../pages/machines.tsx'
import { snapshots } from '../pages/snapshots.tsx'
import { useTexts } from '../text/text.ts'

/** The moments to which a machine can go back, the latest first. */
export function Snapshots({ machine }: { machine: VirtualMachine }) {
  const texts = useTexts()
  const { name, namespace } = machine.metadata
  const { objects, synced } = useList<VirtualMachineBackup>(VirtualMachineBackup, { namespace })
  const [asked, setAsked] = useState<Action>()
  const take = useActions(machines).find(({ id }) => id === 'snapshot')
  const actions = useActions(snapshots)
  const tools = useTools(snapshots.related, namespace)
  if (!synced) return <Loading />
  const own = objects
    .filter(({ spec }) => spec.source.kind === 'VirtualMachine' && spec.source.name === name)
    .toSorted((a, b) => (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? ''))
  const button = take && (
    <Button variant="secondary" onClick={() => setAsked(take)}>
      {texts.t('takeSnapshot')}
    </Button>
  )
  const columns = snapshots.columns.filter(({ id }) => ['state', 'type', 'size'].includes(id))
  return (
    <div className="th-snapshots">
      {own.length === 0 ? (
        <EmptyState titleText={texts.t('noSnapshots')} headingLevel="h2" variant="sm">
          <EmptyStateBody>{texts.t('snapshotsHelp')}</EmptyStateBody>
          <EmptyStateFooter>{button}</EmptyStateFooter>
        </EmptyState>
      ) : (
        <>
          <div>{button}</div>
          <Table variant="compact" gridBreakPoint="" aria-label={texts.t('snapshots')}>
            <Thead>
              <Tr>
                <Th>{texts.t('name')}</Th>
                {columns.map(({ id, title }) => (
                  <Th key={id}>{typeof title === 'string' ? texts.t(title) : title.text}</Th>
                ))}
                <Th>{texts.t('age')}</Th>
                <Th screenReaderText={texts.t('actions')} />
              </Tr>
            </Thead>
            <Tbody>
              {own.map((backup) => (
                <Tr key={backup.metadata.uid}>
                  <Td>
                    <a href={hrefOf(['snapshots', namespace, backup.metadata.name])}>{backup.metadata.name}</a>
                  </Td>
                  {columns.map((column) => (
                    <Td key={column.id}>{column.cell?.(backup, tools) ?? column.value(backup, tools)}</Td>
                  ))}
                  <Td title={texts.date(backup.metadata.creationTimestamp)}>
                    {texts.ago(backup.metadata.creationTimestamp)}
                  </Td>
                  <Td isActionCell>
                    <RowActions object={backup} actions={actions} />
                  </Td>
                </Tr>
              ))}
            </Tbody>
          </Table>
        </>
      )}
      {asked && <Confirm action={asked} objects={[machine]} onClose={() => setAsked(undefined)} />}
    </div>
  )
}

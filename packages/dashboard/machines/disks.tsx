import { useState } from 'react'
import { Button, Card, CardBody, CardTitle } from '@patternfly/react-core'
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { cdDrives } from '@thresher/api/kubevirt/cd-rom'
import type { Disk } from '@thresher/api/kubevirt/disk'
import { claimNameOf, isHotpluggable } from '@thresher/api/kubevirt/hot-plug'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { parseBytes } from '@thresher/api/quantity'
import { useNotify } from '../app/notices.tsx'
import { hrefOf } from '../app/route.ts'
import { useConnection, useList, useRights } from '../live/connection.ts'
import { callDeclared } from '../page/declared-action.ts'
import { useTexts, type TextKey } from '../text/text.ts'
import { ChooseDialog, type Choice } from './choose-dialog.tsx'

/** What is asked for: a volume to attach, or an image for a drive. */
type Asked = { what: 'volume' } | { what: 'image'; drive: string }

/** The disks of a machine, those that can come and go among them. */
export function Disks({ machine }: { machine: VirtualMachine }) {
  const texts = useTexts()
  const rights = useRights()
  const perform = useDiskAction(machine)
  const [asked, setAsked] = useState<Asked>()
  const { namespace } = machine.metadata
  const { objects: claims } = useList<PersistentVolumeClaim>(PersistentVolumeClaim, { namespace })
  const { spec } = machine.spec.template
  const isOn = machine.status?.printableStatus === 'Running'
  const mayChange = rights.mayCall('subresources.kubevirt.io', 'virtualmachines/addvolume')
  const mayEdit = rights.may('update', VirtualMachine)
  const drives = new Map(cdDrives(machine).map((drive) => [drive.name, drive]))
  const actionOf = ({ name }: Disk) => {
    const drive = drives.get(name)
    const volume = spec.volumes?.find((one) => one.name === name)
    const act = (title: TextKey, run: () => void) => (
      <Button variant="link" isInline onClick={run} aria-label={`${texts.t(title)}: ${name}`}>
        {texts.t(title)}
      </Button>
    )
    if (drive && mayEdit && !drive.loaded) return act('insert', () => setAsked({ what: 'image', drive: name }))
    if (drive && mayEdit && drive.hot)
      return act('eject', () => void perform('ejectCdRomVolume', 'eject', name, { deviceName: name }))
    if (!drive && isOn && mayChange && volume && isHotpluggable(volume))
      return act('detach', () => void perform('removeVolume', 'detach', name, { diskName: name }))
    return null
  }
  return (
    <Card>
      <CardTitle component="h2">{texts.t('disks')}</CardTitle>
      <CardBody className="th-disks">
        <Table variant="compact" aria-label={texts.t('disks')} gridBreakPoint="">
          <Thead>
            <Tr>
              <Th>{texts.t('name')}</Th>
              <Th>{texts.t('content')}</Th>
              <Th>{texts.t('size')}</Th>
              <Th>{texts.t('bus')}</Th>
              <Th screenReaderText={texts.t('actions')} />
            </Tr>
          </Thead>
          <Tbody>
            {(spec.domain.devices.disks ?? []).map((disk) => {
              const volume = spec.volumes?.find(({ name }) => name === disk.name)
              const claimName = volume && claimNameOf(volume)
              const claim = claims.find(({ metadata }) => metadata.name === claimName)
              const size = claim?.status?.capacity?.['storage'] ?? claim?.spec.resources?.requests?.['storage']
              return (
                <Tr key={disk.name}>
                  <Td>{disk.name}</Td>
                  <Td>
                    {claimName ? (
                      <a href={hrefOf(['volumes', namespace, claimName])}>{claimName}</a>
                    ) : (
                      (Object.keys(volume ?? {}).find((key) => key !== 'name') ?? '—')
                    )}
                  </Td>
                  <Td>{size === undefined ? '—' : texts.bytes(parseBytes(size))}</Td>
                  <Td>{disk.disk?.bus ?? disk.cdrom?.bus ?? '—'}</Td>
                  <Td>{actionOf(disk)}</Td>
                </Tr>
              )
            })}
          </Tbody>
        </Table>
        {mayChange && (
          <Button variant="secondary" isDisabled={!isOn} onClick={() => setAsked({ what: 'volume' })}>
            {texts.t('attach')}
          </Button>
        )}
        {asked?.what === 'volume' && (
          <AttachDialog machine={machine} claims={claims} onClose={() => setAsked(undefined)} />
        )}
        {asked?.what === 'image' && (
          <InsertDialog machine={machine} drive={asked.drive} onClose={() => setAsked(undefined)} />
        )}
      </CardBody>
    </Card>
  )
}

/** Carries out an action of the machine on one of its disks, and says how it went. */
function useDiskAction(machine: VirtualMachine) {
  const texts = useTexts()
  const notify = useNotify()
  const { transport } = useConnection()
  return async (action: string, title: TextKey, disk: string, input: Record<string, unknown>) => {
    const what = `${texts.t(title)}: ${disk}`
    try {
      await callDeclared(VirtualMachine, action, machine, input, transport)
      notify.done(what)
    } catch (error) {
      notify.failed(what, error)
    }
  }
}

/** Attaches a volume that no machine has, under its own name. */
function AttachDialog(props: {
  machine: VirtualMachine
  claims: readonly PersistentVolumeClaim[]
  onClose: () => void
}) {
  const texts = useTexts()
  const perform = useDiskAction(props.machine)
  const { namespace } = props.machine.metadata
  const { objects: machines, synced } = useList<VirtualMachine>(VirtualMachine, { namespace })
  const used = new Set(
    machines.flatMap((one) => (one.spec.template.spec.volumes ?? []).map((volume) => claimNameOf(volume))),
  )
  const choices = props.claims
    .filter(({ metadata }) => !used.has(metadata.name) && !metadata.deletionTimestamp)
    .map(({ metadata, spec }): Choice => {
      const size = spec.resources?.requests?.['storage']
      const name = metadata.name ?? ''
      return { value: name, label: size === undefined ? name : `${name} (${texts.bytes(parseBytes(size))})` }
    })
  return (
    <ChooseDialog
      title="attach"
      label="volume"
      help="attachHelp"
      none="noFreeVolume"
      // Before all machines are known a volume may look free that is not.
      choices={synced ? choices : undefined}
      onClose={props.onClose}
      onChoose={(name) => void perform('addVolume', 'attach', name, { diskName: name, volumeSourceName: name })}
    />
  )
}

/** Puts an image that is ready into an empty drive. */
function InsertDialog({ machine, drive, onClose }: { machine: VirtualMachine; drive: string; onClose: () => void }) {
  const texts = useTexts()
  const perform = useDiskAction(machine)
  const { objects, synced } = useList<VirtualMachineImage>(VirtualMachineImage)
  const choices = objects
    .filter(({ status }) => status?.progress === 100)
    .map(({ metadata, spec }): Choice => {
      const value = `${metadata.namespace}/${metadata.name}`
      return { value, label: spec.displayName || value }
    })
  return (
    <ChooseDialog
      title="insert"
      label="image"
      help="insertHelp"
      none="noImages"
      choices={synced ? choices : undefined}
      onClose={onClose}
      onChoose={(imageName) =>
        void perform('insertCdRomVolume', 'insert', texts.t('image'), { deviceName: drive, imageName })
      }
    />
  )
}

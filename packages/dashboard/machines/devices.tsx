import { Card, CardBody, CardTitle } from '@patternfly/react-core'
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { parseBytes } from '@thresher/api/quantity'
import { hrefOf } from '../app/route.ts'
import { useList, useObject } from '../live/connection.ts'
import { useTexts } from '../text/text.ts'

/** The disks and network cards of a machine. */
export function Devices({ machine }: { machine: VirtualMachine }) {
  return (
    <div className="th-facts">
      <Disks machine={machine} />
      <Nics machine={machine} />
    </div>
  )
}

function Disks({ machine }: { machine: VirtualMachine }) {
  const texts = useTexts()
  const { namespace } = machine.metadata
  const { objects: claims } = useList<PersistentVolumeClaim>(PersistentVolumeClaim, { namespace })
  const { spec } = machine.spec.template
  const disks = spec.domain.devices.disks ?? []
  return (
    <Card>
      <CardTitle component="h2">{texts.t('disks')}</CardTitle>
      <CardBody>
        <Table variant="compact" aria-label={texts.t('disks')} gridBreakPoint="">
          <Thead>
            <Tr>
              <Th>{texts.t('name')}</Th>
              <Th>{texts.t('content')}</Th>
              <Th>{texts.t('size')}</Th>
              <Th>{texts.t('bus')}</Th>
            </Tr>
          </Thead>
          <Tbody>
            {disks.map((disk) => {
              const volume = spec.volumes?.find(({ name }) => name === disk.name)
              const claimName = volume?.persistentVolumeClaim?.claimName
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
                </Tr>
              )
            })}
          </Tbody>
        </Table>
      </CardBody>
    </Card>
  )
}

function Nics({ machine }: { machine: VirtualMachine }) {
  const texts = useTexts()
  const { name = '', namespace } = machine.metadata
  const { object } = useObject<VirtualMachineInstance>(VirtualMachineInstance, name, namespace)
  const { spec } = machine.spec.template
  return (
    <Card>
      <CardTitle component="h2">{texts.t('nics')}</CardTitle>
      <CardBody>
        <Table variant="compact" aria-label={texts.t('nics')} gridBreakPoint="">
          <Thead>
            <Tr>
              <Th>{texts.t('name')}</Th>
              <Th>{texts.t('network')}</Th>
              <Th>MAC</Th>
              <Th>{texts.t('address')}</Th>
            </Tr>
          </Thead>
          <Tbody>
            {(spec.domain.devices.interfaces ?? []).map((nic) => {
              const network = spec.networks?.find((one) => one.name === nic.name)
              const seen = object?.status?.interfaces?.find((one) => one.name === nic.name)
              return (
                <Tr key={nic.name}>
                  <Td>{nic.name}</Td>
                  <Td>{network?.multus?.networkName ?? texts.t('managementNetwork')}</Td>
                  <Td>{seen?.mac ?? nic.macAddress ?? '—'}</Td>
                  <Td>{seen?.ipAddresses?.join(', ') || seen?.ipAddress || '—'}</Td>
                </Tr>
              )
            })}
          </Tbody>
        </Table>
      </CardBody>
    </Card>
  )
}

import { Card, CardBody, CardTitle } from '@patternfly/react-core'
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { useObject } from '../live/connection.ts'
import { useTexts } from '../text/text.ts'
import { Disks } from './disks.tsx'

/** The disks and network cards of a machine. */
export function Devices({ machine }: { machine: VirtualMachine }) {
  return (
    <div className="th-facts">
      <Disks machine={machine} />
      <Nics machine={machine} />
    </div>
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

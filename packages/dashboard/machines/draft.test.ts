import { expect, test } from 'vitest'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { commandOf, freeName, machineOf, namesOf, sizeOf, type MachineForm } from './draft.ts'

const form: MachineForm = {
  name: 'web',
  namespace: 'default',
  image: 'default/debian',
  storageClass: 'longhorn-debian',
  cpus: 2,
  memory: '4Gi',
  disk: '10Gi',
  keys: [],
  userData: '',
  network: '',
  efi: false,
  start: true,
  count: 1,
}

test('a form is a machine that the kind’s own rules accept, on each network', () => {
  for (const network of ['', 'default/vlan100']) {
    const machine = machineOf({ ...form, network }, [])
    VirtualMachine.fillDefaults?.(machine as never)
    expect(VirtualMachine.check?.(machine as never)).toEqual([])
    expect(machine.spec.template.spec.networks[0]).toMatchObject(
      network ? { multus: { networkName: network } } : { pod: {} },
    )
  }
})

test('names are free, and several machines get one each', () => {
  expect(freeName('vm', new Set(['vm-1', 'vm-3']))).toBe('vm-2')
  expect(namesOf({ name: 'web', count: 1 })).toEqual(['web'])
  expect(namesOf({ name: 'web', count: 3 })).toEqual(['web-1', 'web-2', 'web-3'])
})

test('sizes are known by what they are', () => {
  expect(sizeOf(form)).toBe('medium')
  expect(sizeOf({ cpus: 3, memory: '4Gi' })).toBe('custom')
})

test('the command line says the same', () => {
  expect(commandOf({ ...form, keys: ['me'], namespace: 'team' })).toBe(
    './thresher vm create web --image default/debian --cpus 2 --memory 4Gi --disk 10Gi --ssh-key me --namespace team',
  )
})

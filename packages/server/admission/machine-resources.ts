import type { Setting } from '@thresher/api/harvester/setting'
import { effectiveJson, effectiveValue } from '@thresher/api/harvester/settings/value'
import { applyOvercommit, readOvercommit, type Overcommit } from '@thresher/api/kubevirt/overcommit'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { parseBytes } from '@thresher/api/quantity'
import type { AdmissionStep } from '@thresher/apiserver/admission'
import { concerns, type Lookup } from './request.ts'

const settings = { group: 'harvesterhci.io', plural: 'settings' }
/** A guest with less is likely to run out of memory while it starts. */
const smallGuestBytes = 256 * 1024 * 1024

/** A machine's requests and its guest's memory follow from its limits, by the cluster's settings. */
export function machineResources(objects: () => Lookup): AdmissionStep {
  return {
    name: 'MachineResources',
    mutate(request) {
      if (!concerns(request, VirtualMachine, 'CREATE', 'UPDATE')) return
      const machine = request.object as VirtualMachine
      const domain = domainOf(machine)
      if (!domain || machine.metadata.deletionTimestamp) return
      const old = request.oldObject as VirtualMachine | undefined
      const before = old && domainOf(old) && { domain: domainOf(old)!, annotations: old.metadata.annotations ?? {} }
      applyOvercommit(domain, machine.metadata.annotations ?? {}, readSettings(objects()), before)
    },
    validate(request) {
      if (!concerns(request, VirtualMachine, 'CREATE')) return
      const guest = domainOf(request.object as VirtualMachine)?.memory?.guest
      if (guest !== undefined && parseBytes(guest) < smallGuestBytes)
        request.warnings.push(`guest memory ${guest} is less than 256Mi; the guest may not start`)
    },
  }
}

/** Runs before validation: what is not of a machine's form is left to that. */
function domainOf({ spec }: VirtualMachine): VirtualMachine['spec']['template']['spec']['domain'] | undefined {
  const domain = (spec as VirtualMachine['spec'] | undefined)?.template?.spec?.domain
  const resources: unknown = domain?.resources ?? {}
  return typeof domain?.devices === 'object' && domain.devices !== null && typeof resources === 'object'
    ? domain
    : undefined
}

function readSettings(objects: Lookup): Overcommit {
  const setting = (name: string): Setting | undefined => objects.get<Setting>(settings, '', name)
  const [config, ratio] = ['overcommit-config', 'additional-guest-memory-overhead-ratio'] as const
  return readOvercommit(effectiveJson(config, setting(config)), effectiveValue(ratio, setting(ratio)))
}

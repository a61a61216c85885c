import type { Clock } from '@thresher/api/kubevirt/domain'
import type { Features } from '@thresher/api/kubevirt/features'
import { guestCpus } from '@thresher/api/kubevirt/guest-memory'
import type { Static } from 'typebox'
import type { Draft } from './draft.ts'
import { hypervFlags } from './hyperv.ts'
import type { QemuInput } from './input.ts'

const word = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/

/** `-cpu` and `-smp`. @returns the number of virtual CPUs */
export function addCpu(draft: Draft, { vmi, host }: QemuInput): number {
  const { cpu = {}, features = {}, clock } = vmi.spec.domain
  const at = 'spec.domain.cpu'
  draft.refuseIf(
    cpu.dedicatedCpuPlacement || undefined,
    `${at}.dedicatedCpuPlacement`,
    'processors cannot be dedicated to one guest yet; set it to false',
  )
  draft.refuseIf(cpu.numa?.guestMappingPassthrough, `${at}.numa`, 'the host has no NUMA layout to pass on; remove it')
  draft.refuseIf(cpu.realtime, `${at}.realtime`, 'real-time scheduling is not available; remove it')
  draft.add(
    '-cpu',
    [modelOf(draft, cpu.model, host.accelerator), ...cpuFlags(draft, cpu.features, at)]
      .concat(features.apic?.enabled === false ? ['apic=off'] : [])
      // The translator has none of these interfaces, and needs none.
      .concat(host.accelerator === 'kvm' ? [...kvmFlags(features, clock), ...hypervFlags(draft, features, clock)] : [])
      .join(','),
  )
  const cpus = guestCpus(vmi.spec.domain)
  const { cores = 1, threads = 1, sockets = 1 } = cpu
  const maxSockets = Math.max(cpu.maxSockets ?? 0, sockets || 1)
  draft.add(
    '-smp',
    `cpus=${cpus},maxcpus=${maxSockets * (cores || 1) * (threads || 1)},sockets=${maxSockets},cores=${cores || 1},threads=${threads || 1}`,
  )
  return cpus
}

function modelOf(draft: Draft, model: string | undefined, accelerator: 'kvm' | 'tcg'): string {
  // `host` needs KVM; `max` is all that the translator can do.
  if (model === undefined || model === '' || model === 'host-model' || model === 'host-passthrough')
    return accelerator === 'kvm' ? 'host' : 'max'
  if (!word.test(model))
    draft.refuse('spec.domain.cpu.model', `${JSON.stringify(model)} is not the name of a CPU model`)
  return model
}

function cpuFlags(draft: Draft, features: { name: string; policy?: string }[] | undefined, at: string): string[] {
  return (features ?? []).flatMap(({ name, policy = 'require' }, index) => {
    if (!word.test(name)) {
      draft.refuse(`${at}.features[${index}].name`, `${JSON.stringify(name)} is not the name of a CPU feature`)
      return []
    }
    return [`${name}=${policy === 'disable' || policy === 'forbid' ? 'off' : 'on'}`]
  })
}

/** What of KVM's own interface the guest sees. */
function kvmFlags({ kvm, apic, pvspinlock }: Features, clock: Static<typeof Clock> = {}): string[] {
  const flag = (name: string, on: boolean | undefined): string[] =>
    on === undefined ? [] : [`${name}=${on ? 'on' : 'off'}`]
  return [
    ...(kvm?.hidden ? ['kvm=off'] : []),
    ...flag('kvmclock', clock.timer?.kvm?.present),
    ...flag('kvm-pv-eoi', apic?.endOfInterrupt),
    ...flag('kvm-pv-unhalt', pvspinlock && pvspinlock.enabled !== false),
  ]
}

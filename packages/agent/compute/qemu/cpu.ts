import { guestCpus } from '@thresher/api/kubevirt/guest-memory'
import type { Draft } from './draft.ts'
import type { QemuInput } from './input.ts'

const word = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/

/** `-cpu` and `-smp`. @returns the number of virtual CPUs */
export function addCpu(draft: Draft, { vmi, host }: QemuInput): number {
  const { cpu = {}, features = {} } = vmi.spec.domain
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
      .concat(host.accelerator === 'kvm' ? hypervFlags(features) : [])
      .concat(features.kvm?.hidden && host.accelerator === 'kvm' ? ['kvm=off'] : [])
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

type Features = NonNullable<QemuInput['vmi']['spec']['domain']['features']>

/** Hyper-V's interface makes a Windows guest quicker under KVM; the translator has none of it, and needs none. */
function hypervFlags({ hyperv }: Features): string[] {
  if (!hyperv) return []
  const on = (state: { enabled?: boolean } | undefined): boolean => state !== undefined && state.enabled !== false
  const flags: [keyof typeof hyperv, string][] = [
    ['relaxed', 'hv-relaxed=on'],
    ['vapic', 'hv-vapic=on'],
    ['vpindex', 'hv-vpindex=on'],
    ['runtime', 'hv-runtime=on'],
    ['synic', 'hv-synic=on'],
    ['synictimer', 'hv-stimer=on'],
    ['reset', 'hv-reset=on'],
    ['frequencies', 'hv-frequencies=on'],
    ['reenlightenment', 'hv-reenlightenment=on'],
    ['tlbflush', 'hv-tlbflush=on'],
    ['ipi', 'hv-ipi=on'],
    ['evmcs', 'hv-evmcs=on'],
  ]
  return [
    ...flags.flatMap(([name, flag]) => (on(hyperv[name]) ? [flag] : [])),
    ...(on(hyperv.spinlocks) ? [`hv-spinlocks=${hyperv.spinlocks?.spinlocks ?? 4096}`] : []),
  ]
}

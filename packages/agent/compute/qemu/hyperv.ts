import type { Features } from '@thresher/api/kubevirt/features'
import type { Clock } from '@thresher/api/kubevirt/domain'
import type { Static } from 'typebox'
import type { Draft } from './draft.ts'

type Hyperv = NonNullable<Features['hyperv']>
type Enlightenment = keyof Hyperv | 'time'

const isOn = (state: { enabled?: boolean } | undefined): boolean => state !== undefined && state.enabled !== false

/** QEMU's name of each enlightenment, and which others it is refused without. @see QEMU docs/system/i386/hyperv.rst */
const flags: Readonly<
  Record<Exclude<Enlightenment, 'spinlocks' | 'vendorid'>, { name: string; needs?: Enlightenment[] }>
> = {
  relaxed: { name: 'hv-relaxed' },
  vapic: { name: 'hv-vapic' },
  vpindex: { name: 'hv-vpindex' },
  runtime: { name: 'hv-runtime' },
  time: { name: 'hv-time' },
  synic: { name: 'hv-synic', needs: ['vpindex'] },
  synictimer: { name: 'hv-stimer', needs: ['synic', 'vpindex', 'time'] },
  reset: { name: 'hv-reset' },
  frequencies: { name: 'hv-frequencies' },
  reenlightenment: { name: 'hv-reenlightenment' },
  tlbflush: { name: 'hv-tlbflush', needs: ['vpindex'] },
  ipi: { name: 'hv-ipi', needs: ['vpindex'] },
  evmcs: { name: 'hv-evmcs', needs: ['vapic'] },
}

/**
 * The flags of `-cpu` for Hyper-V's interface, which makes a Windows guest quicker under KVM. What an enlightenment cannot be
 * without comes with it.
 */
export function hypervFlags(draft: Draft, features: Features, clock: Static<typeof Clock> = {}): string[] {
  if (isOn(features.hypervPassthrough)) return ['hv-passthrough=on']
  const hyperv = features.hyperv ?? {}
  const wanted = new Set<Enlightenment>()
  for (const name of Object.keys(flags) as (keyof typeof flags)[])
    if (name !== 'time' && isOn(hyperv[name])) for (const one of [name, ...(flags[name].needs ?? [])]) wanted.add(one)
  if (clock.timer?.hyperv && clock.timer.hyperv.present !== false) wanted.add('time')
  return [
    ...(Object.keys(flags) as (keyof typeof flags)[]).flatMap((name) =>
      wanted.has(name) ? [`${flags[name].name}=on`] : [],
    ),
    ...(isOn(hyperv.synictimer) && isOn(hyperv.synictimer?.direct) ? ['hv-stimer-direct=on'] : []),
    ...(isOn(hyperv.tlbflush) && isOn(hyperv.tlbflush?.direct) ? ['hv-tlbflush-direct=on'] : []),
    ...(isOn(hyperv.tlbflush) && isOn(hyperv.tlbflush?.extended) ? ['hv-tlbflush-ext=on'] : []),
    ...(isOn(hyperv.spinlocks) ? [`hv-spinlocks=${hyperv.spinlocks?.spinlocks ?? 4096}`] : []),
    ...vendorId(draft, hyperv),
  ]
}

function vendorId(draft: Draft, { vendorid }: Hyperv): string[] {
  if (!isOn(vendorid)) return []
  const id = vendorid?.vendorid ?? ''
  if (/^[A-Za-z0-9]{1,12}$/.test(id)) return [`hv-vendor-id=${id}`]
  draft.refuse('spec.domain.features.hyperv.vendorid.vendorid', 'must be 1 to 12 letters and digits')
  return []
}

import type { Static } from 'typebox'
import { flag, int64, optional, text } from '../schema.ts'

/** On unless `enabled` is false. */
export const FeatureState = optional({ enabled: flag })

/** What of Hyper-V's interface a Windows guest finds. */
export const FeatureHyperv = optional({
  evmcs: FeatureState,
  frequencies: FeatureState,
  ipi: FeatureState,
  reenlightenment: FeatureState,
  relaxed: FeatureState,
  reset: FeatureState,
  runtime: FeatureState,
  spinlocks: optional({ enabled: flag, spinlocks: int64 }),
  synic: FeatureState,
  synictimer: optional({ enabled: flag, direct: FeatureState }),
  tlbflush: optional({ enabled: flag, direct: FeatureState, extended: FeatureState }),
  vapic: FeatureState,
  vendorid: optional({ enabled: flag, vendorid: text }),
  vpindex: FeatureState,
})

/** What the machine offers beside its devices. */
export const Features = optional({
  acpi: FeatureState,
  apic: optional({ enabled: flag, endOfInterrupt: flag }),
  hyperv: FeatureHyperv,
  hypervPassthrough: optional({ enabled: flag }),
  kvm: optional({ hidden: flag }),
  pvspinlock: FeatureState,
  smm: FeatureState,
})
export type Features = Static<typeof Features>

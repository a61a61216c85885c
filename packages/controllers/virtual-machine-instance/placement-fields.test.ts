import { instanceFields } from '@thresher/api/kubevirt/fields/table'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { describe, expect, it } from 'vitest'
import { launcherPod } from './launcher-pod.ts'

const instance: VirtualMachineInstance = {
  metadata: { name: 'web', namespace: 'default', uid: 'u' },
  spec: { domain: { devices: {}, memory: { guest: '256Mi' } } },
}

/** A spec with a value for each field that the table says the pod shows. */
const shown: Record<string, Partial<VirtualMachineInstance['spec']>> = {
  'domain.memory.reservedOverhead.addedOverhead': {
    domain: { devices: {}, memory: { guest: '256Mi', reservedOverhead: { addedOverhead: '64Mi' } } },
  },
  'domain.resources.requests': { domain: { ...instance.spec.domain, resources: { requests: { cpu: '3' } } } },
  'domain.resources.limits': { domain: { ...instance.spec.domain, resources: { limits: { cpu: '3' } } } },
  'domain.resources.overcommitGuestOverhead': {
    domain: { ...instance.spec.domain, resources: { overcommitGuestOverhead: true } },
  },
  nodeSelector: { nodeSelector: { a: 'b' } },
  priorityClassName: { priorityClassName: 'high' },
  affinity: { affinity: { nodeAffinity: {} } },
  tolerations: { tolerations: [{ operator: 'Exists' }] },
  topologySpreadConstraints: {
    topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' }],
  },
}

describe('every field that the table says the pod shows', () => {
  it('has a value here', () => {
    const fields = Object.entries(instanceFields).flatMap(([field, support]) =>
      support.is === 'honoured' && support.by === 'placement' ? [field] : [],
    )
    expect(Object.keys(shown).toSorted()).toEqual(fields.toSorted())
  })

  it.each(Object.entries(shown))('changes the pod: %s', (_, change) => {
    const changed = { ...instance, spec: { ...instance.spec, ...change } }
    expect(launcherPod(changed).spec).not.toEqual(launcherPod(instance).spec)
  })

  it('and the factor on the overhead', () => {
    const asked = (factor: number): string =>
      launcherPod(instance, false, factor).spec.containers[0]?.resources?.requests?.['memory'] ?? ''
    const [once, twice] = [asked(1), asked(2)].map((text) => Number.parseInt(text, 10))
    expect(twice! - 256).toBe(2 * (once! - 256))
  })
})

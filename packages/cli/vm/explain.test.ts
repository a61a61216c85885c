import type { Node } from '@thresher/api/core/node'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { describe, expect, it } from 'vitest'
import { explainMachine, explanationText, type MachineEvidence } from './explain.ts'

const now = new Date('2026-01-01T00:00:00Z')

function machine(status: VirtualMachine['status'], runStrategy = 'Always'): VirtualMachine {
  return {
    metadata: { name: 'web', namespace: 'default' },
    spec: { runStrategy, template: { spec: { domain: { devices: {} } } } },
    status,
  }
}

function explained(evidence: Partial<MachineEvidence> & Pick<MachineEvidence, 'machine'>): string {
  return explanationText(explainMachine({ claims: [], missingClaims: [], images: [], nodes: [], ...evidence }, now))
}

const instance = (status: VirtualMachineInstance['status']): VirtualMachineInstance => ({
  metadata: { name: 'web', namespace: 'default' },
  spec: { domain: { devices: {} } },
  status,
})

describe('why a machine is in its state', () => {
  it('goes down to the host, each sentence once, at the object that it comes from', () => {
    const full = 'none of 1 node will do: 1 with too little memory (64 GiB needed, at most 8 GiB free); ask for less'
    const unscheduled = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: full }
    const text = explained({
      machine: machine({
        printableStatus: 'ErrorUnschedulable',
        conditions: [{ type: 'Failure', status: 'True', reason: 'Unschedulable', message: full }],
      }),
      instance: instance({ phase: 'Scheduling', conditions: [unscheduled] }),
      pod: {
        metadata: { name: 'virt-launcher-web-abcde' },
        spec: { containers: [] },
        status: { phase: 'Pending', conditions: [unscheduled] },
      } as unknown as MachineEvidence['pod'],
      nodes: [
        {
          metadata: { name: 'n1' },
          status: { conditions: [{ type: 'Ready', status: 'Unknown', message: 'its agent has not been heard of' }] },
        } as unknown as Node,
      ],
    })
    expect(text.split('\n')).toEqual([
      'web is ErrorUnschedulable.',
      `  Pod virt-launcher-web-abcde: ${full}`,
      '    as Node n1: its agent has not been heard of',
    ])
  })

  it.each([
    ['Halted', 'its run strategy is Halted', 'thresher vm start web'],
    ['Manual', 'on request alone', 'thresher vm start web'],
    ['RerunOnFailure', 'shut itself down', 'thresher vm start web'],
  ])('when it is off by its run strategy %s', (strategy, why, remedy) => {
    const text = explained({ machine: machine({ printableStatus: 'Stopped' }, strategy) })
    expect(text).toContain(why)
    expect(text).toContain(remedy)
  })

  it('when it crashes again and again', () => {
    const text = explained({
      machine: machine({
        printableStatus: 'CrashLoopBackOff',
        startFailure: { consecutiveFailCount: 3, retryAfterTimestamp: '2026-01-01T00:00:40Z' },
        conditions: [{ type: 'Failure', status: 'True', message: 'web failed: the kernel of the guest crashed' }],
      }),
    })
    expect(text).toContain('the kernel of the guest crashed')
    expect(text).toContain('it failed 3 times in a row; the next try is in 40 s')
    expect(text).toContain('Remedy: look at its console with: thresher vm log web.')
  })

  it('when its volume waits for an image', () => {
    const text = explained({
      machine: machine({ printableStatus: 'Provisioning' }),
      instance: instance({ phase: 'Pending' }),
      missingClaims: ['gone'],
      claims: [
        {
          metadata: { name: 'web-disk-0' },
          spec: {},
          status: {
            phase: 'Pending',
            conditions: [{ type: 'Provisioned', status: 'False', message: 'waits for the image default/debian' }],
          },
        } as unknown as MachineEvidence['claims'][number],
      ],
      images: [
        {
          metadata: { name: 'debian', namespace: 'default' },
          status: { progress: 40 },
        } as unknown as MachineEvidence['images'][number],
      ],
    })
    expect(text).toContain('PersistentVolumeClaim gone: does not exist')
    expect(text).toContain('PersistentVolumeClaim web-disk-0: waits for the image default/debian')
    expect(text).toContain('VirtualMachineImage default/debian: is 40 % imported')
  })

  it('is nothing for one that runs well, with what may surprise as notes', () => {
    const text = explained({
      machine: machine({
        printableStatus: 'Running',
        conditions: [
          { type: 'RestartRequired', status: 'True', message: 'the template of web was changed after it started' },
          { type: 'SpecHonoured', status: 'False', message: 'this field has no effect: subdomain (use the name)' },
        ],
      }),
      instance: instance({ phase: 'Running', nodeName: 'n1', conditions: [{ type: 'Ready', status: 'True' }] }),
      nodes: [
        { metadata: { name: 'n1', labels: { 'thresher.io/accelerator': 'tcg' } }, status: {} } as unknown as Node,
      ],
    })
    expect(text.split('\n')).toEqual([
      'web is Running on n1.',
      'Note (VirtualMachine web): the template of web was changed after it started',
      'Note (VirtualMachine web): this field has no effect: subdomain (use the name)',
      'Note (Node n1): emulates its guests, which makes them slow; thresher status says why',
    ])
  })
})

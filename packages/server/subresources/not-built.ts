import { ApiError } from '@thresher/api/error'
import { notBuilt } from '@thresher/api/not-built'
import type { Operation } from './handler.ts'

type Parents = ('virtualmachines' | 'virtualmachineinstances')[]

const machine: Parents = ['virtualmachines']
const instance: Parents = ['virtualmachineinstances']
const both: Parents = [...machine, ...instance]

/** KubeVirt's operations that this version does not have, each with the sentence that it answers. */
const missing: [parents: Parents, method: 'GET' | 'PUT', subresources: string[], message: string][] = [
  [machine, 'PUT', ['migrate'], notBuilt.migration],
  [both, 'PUT', ['evacuate/cancel'], notBuilt.migration],
  [machine, 'PUT', ['memorydump', 'removememorydump'], 'memory dumps are not available in this version'],
  [instance, 'GET', ['usbredir'], 'USB redirection is not available in this version'],
  [instance, 'GET', ['vsock'], 'VSOCK is not available in this version; use port-forward or the serial console'],
  [
    both,
    'GET',
    ['objectgraph'],
    'the graph of objects is not available in this version; see spec.template.spec.volumes',
  ],
  [instance, 'PUT', ['backup', 'redefine-checkpoint'], notBuilt.pulledBackups],
  [instance, 'GET', ['sev/fetchcertchain', 'sev/querylaunchmeasurement'], notBuilt.encryptedMemory],
  [instance, 'PUT', ['sev/setupsession', 'sev/injectlaunchsecret'], notBuilt.encryptedMemory],
]

/** {@link missing} as operations, so that a client reads what is missing in place of a bare 404. */
export const notBuiltOperations: readonly Operation[] = missing.flatMap(([parents, method, subresources, message]) =>
  parents.flatMap((plural) =>
    subresources.map((subresource): Operation => {
      const refuse = () => Promise.reject(new ApiError('NotImplemented', message))
      return { plural, subresource, methods: [method], handle: refuse, upgrade: refuse }
    }),
  ),
)

import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'

/** The path of a stream of a machine that runs. */
export function instancePath({ metadata }: VirtualMachine, stream: 'vnc' | 'console'): string {
  const namespace = encodeURIComponent(metadata.namespace ?? '')
  const name = encodeURIComponent(metadata.name ?? '')
  return `/apis/subresources.kubevirt.io/v1/namespaces/${namespace}/virtualmachineinstances/${name}/${stream}`
}

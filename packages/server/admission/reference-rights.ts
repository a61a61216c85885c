import { NetworkAttachmentDefinition } from '@thresher/api/cni/network-attachment-definition'
import { Secret } from '@thresher/api/core/secret'
import { KeyPair } from '@thresher/api/harvester/key-pair'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { VirtualMachineRestore } from '@thresher/api/harvester/virtual-machine-restore'
import { ClusterNetwork } from '@thresher/api/network/cluster-network'

/** One thing that a caller may be asked to be allowed; of several one is enough. */
export interface Right {
  verb: string
  group: string
  resource: string
  subresource?: string
  /** Whether the right is asked for the object by its name; else for all in its namespace. */
  named?: boolean
}

/** A reference as an object holds it. */
export interface Reference {
  field: string
  namespace: string
  name: string
  rights: readonly Right[]
  /** It is of no namespace: the right is asked for in the whole cluster. */
  clusterScoped?: boolean
}

const get = ({ group, plural }: { group: string; plural: string }): Right[] => [
  { verb: 'get', group, resource: plural, named: true },
]

/**
 * To read a volume's content: what CDI asks of who clones across namespaces.
 *
 * @see https://github.com/kubevirt/containerized-data-importer/blob/main/doc/RBAC.md
 */
export const readDisk: readonly Right[] = [
  { verb: 'create', group: 'cdi.kubevirt.io', resource: 'datavolumes', subresource: 'source' },
  { verb: 'create', group: '', resource: 'pods' },
]
/** To make volumes of an image. */
export const readImage: readonly Right[] = get(VirtualMachineImage)
/** To use what a secret holds. */
export const readSecret = get(Secret)
/** To connect a guest to a network. */
export const readNetwork = get(NetworkAttachmentDefinition)
/** To build networks on the wires of the hosts, where a VLAN may be anybody's. */
export const useClusterNetwork: readonly Right[] = [
  { verb: 'use', group: ClusterNetwork.group, resource: ClusterNetwork.plural, named: true },
]
/** To let a key into a guest. */
export const readKeyPair = get(KeyPair)
/** A backup holds disks: to get its description is less than to restore it where it is. */
export const restoreBackup: readonly Right[] = [
  { verb: 'create', group: VirtualMachineRestore.group, resource: VirtualMachineRestore.plural },
]
/** To collect what runs in a namespace. */
export const readLogs: readonly Right[] = [{ verb: 'get', group: '', resource: 'pods', subresource: 'log' }]

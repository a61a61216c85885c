/** Labels, annotations and finalizers by which controllers and agents meet. What only one side uses stands there. */

/** Marks a Pod by what it runs. @see KubeVirt `v1.AppLabel` */
export const appLabel = 'kubevirt.io'
/** {@link appLabel} of a virtual machine's Pod. */
export const launcherApp = 'virt-launcher'
/** On a virtual machine's Pod: the uid of its VirtualMachineInstance. */
export const createdByLabel = 'kubevirt.io/created-by'
/** On a VirtualMachineInstance: the node whose agent runs its guest. @see KubeVirt `v1.NodeNameLabel` */
export const instanceNodeLabel = 'kubevirt.io/nodeName'
/** On a VirtualMachineInstance that migrates: the node that receives it. @see KubeVirt `v1.MigrationTargetNodeNameLabel` */
export const migrationTargetLabel = 'kubevirt.io/migrationTargetNodeName'
/** On a virtual machine's Pod: the name of its VirtualMachineInstance. */
export const machineNameLabel = 'vm.kubevirt.io/name'

/**
 * On a virtual machine's template: its KeyPairs, a JSON array of names or `namespace/name`. Clients parse it without looking
 * whether it is there.
 */
export const sshNamesAnnotation = 'harvesterhci.io/sshNames'

/** On a Node: what runs its guests' code, `kvm` or `tcg`. */
export const acceleratorLabel = 'thresher.io/accelerator'
/** On a Node: its name. Also where a volume's node is named in its affinity. */
export const hostnameLabel = 'kubernetes.io/hostname'

/** On a Node whose host runs a server, and with it the network's central databases. */
export const controlPlaneLabel = 'node-role.kubernetes.io/control-plane'
/** On the ClusterNetwork `mgmt`: its subnet as a CIDR, the same on all hosts. */
export const subnetAnnotation = 'thresher.io/subnet'
/** Where a control-plane node's agent lets other nodes' agents at OVN's southbound database. */
export const southboundPort = 6642

/** On a claim: `namespace/name` of the image its content comes from. */
export const imageIdAnnotation = 'harvesterhci.io/imageId'
/** On a claim that was made for a machine: its volume is made where the machine is put, whatever its class says. */
export const waitsForMachineAnnotation = 'thresher.io/waits-for-machine'
/** On a node: what its pods ask for, as JSON of quantities by resource. @see Rancher's `management.cattle.io` */
export const podRequestsAnnotation = 'management.cattle.io/pod-requests'
/** On a node: the arguments that its program was started with, as RKE2 writes them; clients read the node's role from the first. */
export const nodeArgsAnnotation = 'rke2.io/node-args'
/** On a claim that waits for its first consumer: the node whose agent makes the volume. */
export const selectedNodeAnnotation = 'volume.kubernetes.io/selected-node'
/** On an image: the node whose agent imports it. */
export const importNodeAnnotation = 'thresher.io/import-node'

/** On a VolumeSnapshotContent: the node whose agent takes and keeps the snapshot. */
export const snapshotNodeAnnotation = 'thresher.io/snapshot-node'
/**
 * On VolumeSnapshots and their contents that are to be taken at one instant: a name that they share, and how many there are. None is
 * taken before all are there.
 */
export const snapshotGroupAnnotation = 'thresher.io/snapshot-group'
export const snapshotGroupSizeAnnotation = 'thresher.io/snapshot-group-size'
/** On the same: `true` when the file systems of guests shall stand still meanwhile, where they have an agent. */
export const freezeGuestAnnotation = 'thresher.io/freeze-guest'

/** On a PersistentVolume: what its files take on the disk now, in bytes, those of its snapshots among them. */
export const allocatedBytesAnnotation = 'thresher.io/allocated-bytes'
/** On a node's CSIStorageCapacity, in bytes: the disk, what is free of it, and what volumes may come to when they are full. */
export const spaceAnnotations = {
  total: 'thresher.io/total-bytes',
  free: 'thresher.io/free-bytes',
  promised: 'thresher.io/promised-bytes',
} as const
/** On an object that is given to a node: its name. */
export const nodeLabel = 'thresher.io/node'
/** Where the cluster's own Secrets are. */
export const systemNamespace = 'harvester-system'
/** The Secret with the key of the repository of backups, in its field {@link backupKeyField}. */
export const backupKeySecret = 'backup-repository-key'
export const backupKeyField = 'key'
/** On a claim: `<backup>/<disk>` at the backup target, of which its content is made. */
export const restoreFromAnnotation = 'backup.thresher.io/restore-from'

/** The embedded storage: the provisioner of its classes and the CSI driver of its volumes. */
export const localDriver = 'local.thresher.io'
/** Holds a PersistentVolume until its file is gone. */
export const volumeFileFinalizer = 'local.thresher.io/volume'
/** Holds a VolumeSnapshotContent until its snapshot is gone. @see external-snapshotter `VolumeSnapshotContentFinalizer` */
export const snapshotContentFinalizer = 'snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection'
/** Holds an image until its file is gone. */
export const imageFileFinalizer = 'local.thresher.io/image'
/** On a VirtualMachine that was stopped: the run strategy that a start brings back. */
export const runStrategyAnnotation = 'harvesterhci.io/vmRunStrategy'

/** Labels, annotations and finalizers that several controllers and the node agents meet by. */

/** Marks the pod of a virtual machine, with the value `virt-launcher`. @see KubeVirt `v1.AppLabel` */
export const appLabel = 'kubevirt.io'
/** On a virtual machine's pod: the uid of its VirtualMachineInstance. */
export const createdByLabel = 'kubevirt.io/created-by'
/** On a virtual machine's pod: the name of its VirtualMachineInstance. */
export const machineNameLabel = 'vm.kubevirt.io/name'
/** On an instance: the generation of the VirtualMachine it was started from. */
export const machineGenerationAnnotation = 'kubevirt.io/vm-generation'
/** On an instance: a digest of the template it was started from, which tells whether a restart is needed. */
export const templateDigestAnnotation = 'thresher.io/template-digest'

/** On a VirtualMachine: `true` when all its claims go with it. */
export const removeAllClaimsAnnotation = 'harvesterhci.io/removeAllPersistentVolumeClaims'
/** On a VirtualMachine that was stopped: the run strategy that a start brings back. */
export const runStrategyAnnotation = 'harvesterhci.io/vmRunStrategy'
/** On a claim: `namespace/name` of the image its content comes from. */
export const imageIdAnnotation = 'harvesterhci.io/imageId'

/** On a claim that waits for its first consumer: the node whose agent makes the volume. */
export const selectedNodeAnnotation = 'volume.kubernetes.io/selected-node'
/** On an image: the node whose agent imports it. */
export const importNodeAnnotation = 'thresher.io/import-node'

/** Holds a VirtualMachine until its instance and the claims named in its annotations are gone. */
export const machineFinalizer = 'kubevirt.io/virtualMachineControllerFinalize'
/** Holds an instance until its guest is stopped and its pod gone. */
export const instanceFinalizer = 'foregroundDeleteVirtualMachine'
/** Holds a claim while a pod uses it. */
export const claimFinalizer = 'kubernetes.io/pvc-protection'
/** Holds an image while a claim's volume is based on it. */
export const imageFinalizer = 'thresher.io/image-protection'

/** The embedded volume driver. */
export const localProvisioner = 'local.thresher.io'

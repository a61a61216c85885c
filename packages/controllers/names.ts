/** Annotations and finalizers of the controllers alone; what agents know too is in `@thresher/api/names`. */

/** On an instance: the generation of the VirtualMachine it was started from. */
export const machineGenerationAnnotation = 'kubevirt.io/vm-generation'
/** On an instance: a digest of the template it was started from, which tells whether a restart is needed. */
export const templateDigestAnnotation = 'thresher.io/template-digest'

/** On a VirtualMachine: `true` when all its claims go with it. */
export const removeAllClaimsAnnotation = 'harvesterhci.io/removeAllPersistentVolumeClaims'

/** Holds a VirtualMachine until its instance and the claims named in its annotations are gone. */
export const machineFinalizer = 'kubevirt.io/virtualMachineControllerFinalize'
/** Holds an instance until its guest is stopped and its pod gone. */
export const instanceFinalizer = 'foregroundDeleteVirtualMachine'
/** Holds a claim while a pod uses it. */
export const claimFinalizer = 'kubernetes.io/pvc-protection'
/** Holds a VolumeSnapshot while it has a content. @see external-snapshotter `VolumeSnapshotBoundFinalizer` */
export const snapshotFinalizer = 'snapshot.storage.kubernetes.io/volumesnapshot-bound-protection'
/** Holds an image while a claim's volume is based on it. */
export const imageFinalizer = 'thresher.io/image-protection'

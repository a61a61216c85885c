/** Labels, annotations and finalizers by which this agent's storage and the controllers meet. */

/** The provisioner of storage classes that this driver serves, and the CSI driver of its volumes. */
export const localDriverName = 'local.thresher.io'
/** On a claim: the node whose agent makes the volume. */
export const selectedNodeAnnotation = 'volume.kubernetes.io/selected-node'
/** On an image: the node whose agent imports it. */
export const importNodeAnnotation = 'thresher.io/import-node'
/** On a claim: `namespace/name` of the image its content comes from. */
export const imageIdAnnotation = 'harvesterhci.io/imageId'
/** Holds a volume until its file is gone. */
export const volumeFinalizer = 'local.thresher.io/volume'
/** Holds an image until its file is gone. */
export const imageFinalizer = 'local.thresher.io/image'
/** Where a volume's node is named in its affinity. */
export const hostnameLabel = 'kubernetes.io/hostname'

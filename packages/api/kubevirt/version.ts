/** The KubeVirt version whose API is offered; virtctl compares its own with it, other clients read it in the KubeVirt object. */
export const kubevirtVersion = 'v1.7.0'

import type { PodSpec } from './pod-spec.ts'

/** Fill what depends on other fields of a pod: pull policies, requests from limits, the old name of the service account. */
export function fillPodDefaults(spec: PodSpec | undefined): void {
  if (!spec || typeof spec !== 'object') return
  const account = spec.serviceAccountName ?? spec.serviceAccount
  if (account) {
    spec.serviceAccountName = account
    spec.serviceAccount = account
  }
  const groups = [spec.containers, spec.initContainers, spec.ephemeralContainers]
  for (const container of groups.flatMap((group) => (Array.isArray(group) ? group : []))) {
    if (typeof container !== 'object' || container === null) continue
    container.imagePullPolicy ??= pullPolicyOf(container.image)
    const { limits } = container.resources ?? {}
    if (limits && container.resources) container.resources.requests = { ...limits, ...container.resources.requests }
    if (spec.hostNetwork && Array.isArray(container.ports))
      for (const port of container.ports) port.hostPort ??= port.containerPort
  }
  for (const volume of Array.isArray(spec.volumes) ? spec.volumes : []) {
    const sources = Object.keys(volume ?? {}).filter((key) => key !== 'name')
    if (sources.length === 0 && volume) volume.emptyDir = {}
  }
}

/** An image without a tag, or tagged latest, may change under its name, so it is always pulled. */
function pullPolicyOf(image: string | undefined): 'Always' | 'IfNotPresent' {
  if (typeof image !== 'string' || image.includes('@')) return 'IfNotPresent'
  const tag = image.slice(image.lastIndexOf('/') + 1).split(':')[1]
  return tag === undefined || tag === 'latest' ? 'Always' : 'IfNotPresent'
}

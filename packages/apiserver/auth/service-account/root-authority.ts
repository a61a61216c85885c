import { isReason } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import type { Objects } from '../objects.ts'

interface ConfigMap extends KubeObject {
  data?: Record<string, string>
}

const configMaps = { group: '', plural: 'configmaps' }
const namespaces = { group: '', plural: 'namespaces' }
/** The name that Kubernetes gives it; a pod's projected token volume has its `ca.crt` beside the token. */
const name = 'kube-root-ca.crt'

/**
 * Keep the authority by which pods check the API server in every namespace, and put it back where somebody changed or
 * deleted it. @returns a function that stops it
 */
export function followRootAuthority(objects: Objects, ca: string, onError: (error: unknown) => void): () => void {
  const data = { 'ca.crt': ca }
  const ensure = async (namespace: string): Promise<void> => {
    const held = objects.get<KubeObject>(namespaces, '', namespace)
    if (!held || held.metadata.deletionTimestamp) return
    const map = objects.get<ConfigMap>(configMaps, namespace, name)
    if (!map) {
      const description = 'The authority by which the API server is checked; the server keeps it here.'
      const metadata = { namespace, name, annotations: { 'kubernetes.io/description': description } }
      await objects.create<ConfigMap>(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data })
    } else if (map.data?.['ca.crt'] !== ca || Object.keys(map.data).length > 1) {
      await objects.update<ConfigMap>(configMaps, { ...map, data })
    }
  }
  // The namespace may end meanwhile, and another server may have been quicker.
  const run = (namespace: string) =>
    setImmediate(() => {
      ensure(namespace).catch((error: unknown) => {
        if (!isReason(error, 'AlreadyExists', 'NotFound', 'Forbidden', 'Conflict')) onError(error)
      })
    })
  const stops = [
    objects.follow(namespaces, (change) => run(change.name)),
    objects.follow(configMaps, (change) => {
      if (change.name === name) run(change.namespace)
    }),
  ]
  return () => stops.forEach((stop) => stop())
}

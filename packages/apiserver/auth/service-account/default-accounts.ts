import { isReason } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import type { Objects } from '../objects.ts'
import { serviceAccounts } from './token-issuer.ts'

/** Every namespace has the account `default`, which pods use that name no other. @returns a function that stops it */
export function followDefaultAccounts(objects: Objects, onError: (error: unknown) => void): () => void {
  const ensure = async (namespace: string): Promise<void> => {
    if (objects.get(serviceAccounts, namespace, 'default')) return
    await objects.create<KubeObject>(serviceAccounts, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { namespace, name: 'default' },
    })
  }
  // The namespace may end meanwhile, and another server may have been quicker.
  const run = (namespace: string) =>
    setImmediate(() => {
      ensure(namespace).catch((error: unknown) => {
        if (!isReason(error, 'AlreadyExists', 'NotFound', 'Forbidden')) onError(error)
      })
    })
  const namespaces = { group: '', plural: 'namespaces' }
  const alive = (namespace: KubeObject | undefined) => namespace !== undefined && !namespace.metadata.deletionTimestamp
  const stops = [
    objects.follow(namespaces, ({ object }) => {
      if (object && alive(object)) run(object.metadata.name ?? '')
    }),
    objects.follow(serviceAccounts, ({ object, previous }) => {
      const namespace = previous?.metadata.namespace ?? ''
      if (!object && previous?.metadata.name === 'default' && alive(objects.get(namespaces, '', namespace)))
        run(namespace)
    }),
  ]
  return () => stops.forEach((stop) => stop())
}

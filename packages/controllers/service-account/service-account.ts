import { Namespace } from '@thresher/api/core/namespace'
import { ServiceAccount } from '@thresher/api/core/service-account'
import { defineController, watch } from '@thresher/client/controller'
import { subjectIs } from '@thresher/client/subject'

/** Keeps a service account `default` in every namespace. */
export const serviceAccountController = defineController({
  name: 'service-account',
  subject: subjectIs(Namespace),
  watches: [
    watch(Namespace),
    watch(ServiceAccount, (account, _, { type }) =>
      type === 'deleted' && account.metadata.name === 'default' ? [account.metadata.namespace ?? ''] : [],
    ),
  ],
  async reconcile(key, context) {
    const namespace = context.objects(Namespace).get(key)
    if (!namespace || namespace.metadata.deletionTimestamp) return
    await context.objects(ServiceAccount).ensure({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default', namespace: key },
    })
  },
})

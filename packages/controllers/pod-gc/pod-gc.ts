import { Node } from '@thresher/api/core/node'
import { Pod } from '@thresher/api/core/pod'
import { isReason } from '@thresher/api/error'
import { defineController, watch } from '@thresher/client/controller'
import { keyOf } from '@thresher/client/paths'
import { subjectIs } from '@thresher/client/subject'

/** Removes pods whose node is gone for good: nobody is left who could say that they ended. */
export const podGcController = defineController({
  name: 'pod-gc',
  subject: subjectIs(Pod),
  watches: [
    watch(Pod, (pod) => (pod.spec.nodeName ? [keyOf(pod)] : []), { node: (pod) => [pod.spec.nodeName ?? ''] }),
    watch(Node, (node, context, { type }) =>
      type === 'deleted'
        ? context
            .objects(Pod)
            .byIndex('node', node.metadata.name ?? '')
            .map(keyOf)
        : [],
    ),
  ],
  async reconcile(key, context) {
    const pod = context.objects(Pod).get(key)
    const { nodeName } = pod?.spec ?? {}
    if (!pod || !nodeName || context.objects(Node).get(nodeName)) return
    try {
      await context.client.resource(Node).get(nodeName)
      return
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error
    }
    await context.objects(Pod).delete(pod, { gracePeriodSeconds: 0 })
  },
})

import { isReason } from '@thresher/api/error'
import type { TypedKind } from '@thresher/api/kind'
import { defineController, watch } from '@thresher/client/controller'
import { keyOf } from '@thresher/client/paths'
import { nextStatus, type Line, type WithStatus } from './line.ts'
import { notBuiltKinds } from './table.ts'

const lines = new Map(notBuiltKinds.map((line) => [nameOf(line), line]))

function nameOf({ kind }: Line): string {
  return `${kind.plural}.${kind.group}`
}

/** Says in each object of a kind that nothing carries out what is missing, so that none waits in silence. */
export const notBuiltController = defineController({
  name: 'not-built',
  subject: {
    of(key) {
      const [name = '', objectKey = ''] = key.split(' ')
      const line = lines.get(name)
      return line && { kind: line.kind, key: objectKey }
    },
  },
  watches: notBuiltKinds.map((line) => watch(line.kind, (object) => [`${nameOf(line)} ${keyOf(object)}`])),
  async reconcile(key, context) {
    const [name = '', objectKey = ''] = key.split(' ')
    const line = lines.get(name)
    if (!line) return
    const objects = context.objects(line.kind as TypedKind<WithStatus>)
    const object = objects.get(objectKey)
    if (!object || object.metadata.deletionTimestamp) return
    const status = nextStatus(line, object, context.now())
    if (!status) return
    try {
      await objects.updateStatus({ ...object, status })
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error
    }
  },
})

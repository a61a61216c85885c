import { age, column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { having, object, optional, text } from '../schema.ts'
import { Conditions } from './condition.ts'
import { md5Fingerprint, parseSshPublicKey } from './ssh-public-key.ts'

/** A public SSH key that cloud-init puts into a guest. */
export const KeyPair = defineKind({
  group: 'harvesterhci.io',
  version: 'v1beta1',
  kind: 'KeyPair',
  description: 'A public SSH key that cloud-init puts into a guest.',
  plural: 'keypairs',
  shortNames: ['kp', 'kps'],
  namespaced: true,
  spec: object({ publicKey: having(text, { description: 'One line in OpenSSH format.' }) }),
  status: optional({ fingerPrint: text, conditions: Conditions }),
  columns: [column('Finger_Print', '.status.fingerPrint'), age],
  /** The status follows from the key alone, so it is there from the start. */
  fillDefaults(pair) {
    try {
      const fingerPrint = md5Fingerprint(parseSshPublicKey(pair.spec.publicKey))
      const others = (pair.status?.conditions ?? []).filter(({ type }) => type !== 'validated')
      if (pair.status?.fingerPrint === fingerPrint && others.length < (pair.status.conditions?.length ?? 0)) return
      pair.status = { ...pair.status, fingerPrint, conditions: [...others, { type: 'validated', status: 'True' }] }
    } catch {
      // The key is missing or malformed: the check below says so.
    }
  },
  check(pair) {
    if (!pair.spec.publicKey.trim())
      return [{ field: 'spec.publicKey', message: 'public key is required', reason: 'FieldValueRequired' }]
    try {
      parseSshPublicKey(pair.spec.publicKey)
      return []
    } catch (error) {
      const why = (error as Error).message
      return [{ field: 'spec.publicKey', message: `key is not in valid OpenSSH public key format: ${why}` }]
    }
  },
  checkUpdate: (next, previous) =>
    next.spec.publicKey === previous.spec.publicKey
      ? []
      : [
          {
            field: 'spec.publicKey',
            message: 'is immutable; make another KeyPair for another key',
            reason: 'FieldValueForbidden',
          },
        ],
})
export type KeyPair = ObjectOf<typeof KeyPair>

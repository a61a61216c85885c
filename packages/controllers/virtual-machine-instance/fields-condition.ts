import {
  fieldsCondition,
  fieldsReason,
  withoutEffectMessage,
  type FieldWithoutEffect,
} from '@thresher/api/kubevirt/fields/without-effect'
import type { Condition } from '@thresher/api/meta'
import { removeCondition, setCondition } from '@thresher/client/conditions'

/** The conditions of a machine or its run with one that names the fields that are kept without effect; none when all have one. */
export function withFieldsCondition(
  conditions: Condition[],
  fields: readonly FieldWithoutEffect[],
  now: Date,
): Condition[] {
  if (fields.length === 0) return removeCondition(conditions, fieldsCondition)
  const message = withoutEffectMessage(fields)
  return setCondition(conditions, { type: fieldsCondition, status: 'False', reason: fieldsReason, message }, now)
}

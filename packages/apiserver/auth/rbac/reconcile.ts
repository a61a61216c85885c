import { isDeepStrictEqual } from 'node:util'
import { isReason } from '@thresher/api/error'
import type { Objects } from '../objects.ts'
import { aggregatedRules } from './aggregation.ts'
import { bootstrapBindings, bootstrapRoles } from './bootstrap-policy.ts'
import { rbacGroup, type BindingObject, type BindingSubject, type RoleObject } from './rbac-index.ts'
import { uncovered } from './rules.ts'

const roles = { group: rbacGroup, plural: 'clusterroles' }
const bindings = { group: rbacGroup, plural: 'clusterrolebindings' }
const autoUpdate = 'rbac.authorization.kubernetes.io/autoupdate'

/**
 * Bring the bootstrap roles and bindings into the cluster, then the rules of the aggregated roles.
 *
 * What someone has added to them stays; what is missing is added again, unless the object's annotation
 * `rbac.authorization.kubernetes.io/autoupdate` is `"false"`. A binding to another role is left alone.
 */
export async function reconcileBootstrapPolicy(objects: Objects): Promise<void> {
  for (const role of bootstrapRoles)
    await put(objects, roles, role, (current) => {
      const missing = uncovered(role.rules ?? [], current.rules ?? [])
      const rules = missing.length > 0 && !role.aggregationRule ? [...(current.rules ?? []), ...missing] : current.rules
      return {
        ...current,
        rules,
        ...(role.aggregationRule ? { aggregationRule: current.aggregationRule ?? role.aggregationRule } : {}),
      }
    })
  for (const binding of bootstrapBindings)
    await put(objects, bindings, binding, (current) =>
      isDeepStrictEqual(current.roleRef, binding.roleRef)
        ? { ...current, subjects: withMissing(current.subjects ?? [], binding.subjects ?? []) }
        : current,
    )
  await reconcileAggregation(objects)
}

/** Give every aggregated ClusterRole the rules of the roles it chooses. Repeats while one aggregated role feeds another. */
async function reconcileAggregation(objects: Objects): Promise<void> {
  for (let round = 0; round < 10; round++) {
    let changed = false
    const before = [...objects.list<RoleObject>(roles)]
    for (const role of before) {
      const rules = aggregatedRules(role, objects.list<RoleObject>(roles))
      if (!rules) continue
      changed = true
      await unlessChanged(objects.update(roles, { ...role, rules }))
    }
    if (!changed) return
  }
}

/** Keep aggregated ClusterRoles up to date with every change of a ClusterRole. @returns a function that stops it */
export function followAggregation(objects: Objects, onError: (error: unknown) => void): () => void {
  let running = false
  let again = false
  let stopped = false
  const step = async (): Promise<void> => {
    if (running) {
      again = true
      return
    }
    running = true
    do {
      again = false
      await reconcileAggregation(objects).catch(onError)
    } while (again && !stopped)
    running = false
  }
  const stop = objects.follow<RoleObject>(roles, ({ object, previous }) => {
    if (
      !stopped &&
      !isDeepStrictEqual(
        [object?.rules, object?.metadata.labels, object?.aggregationRule],
        [previous?.rules, previous?.metadata.labels, previous?.aggregationRule],
      )
    )
      setImmediate(() => void step())
  })
  return () => {
    stopped = true
    stop()
  }
}

async function put<O extends RoleObject | BindingObject>(
  objects: Objects,
  type: { group: string; plural: string },
  wanted: O,
  merge: (current: O) => O,
): Promise<void> {
  const current = objects.get<O>(type, '', wanted.metadata.name ?? '')
  if (!current) {
    await unlessChanged(objects.create(type, wanted))
    return
  }
  if (current.metadata.annotations?.[autoUpdate] === 'false') return
  const merged = merge(current)
  const next = {
    ...merged,
    metadata: { ...merged.metadata, labels: { ...merged.metadata.labels, ...wanted.metadata.labels } },
  }
  if (!isDeepStrictEqual(next, current)) await unlessChanged(objects.update(type, next))
}

/** Another server that starts with us may do the same; then its work is as good. */
async function unlessChanged(written: Promise<unknown>): Promise<void> {
  try {
    await written
  } catch (error) {
    if (!isReason(error, 'AlreadyExists', 'Conflict', 'NotFound')) throw error
  }
}

function withMissing(current: BindingSubject[], wanted: BindingSubject[]): BindingSubject[] {
  const same = (a: BindingSubject, b: BindingSubject) =>
    a.kind === b.kind && a.name === b.name && (a.namespace ?? '') === (b.namespace ?? '')
  return [...current, ...wanted.filter((subject) => !current.some((held) => same(held, subject)))]
}

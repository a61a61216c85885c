import { ApiError } from '@thresher/api/error'
import { sizes } from '../limits/sizes.ts'
import { deepClone, deepEqual, isObject, setOwn, type JsonObject } from '../schema/clone.ts'

/** The most operations that one patch may have, as in Kubernetes. */
export const maxOperations = 10_000

interface Operation {
  op: string
  path: string
  from?: string
  value?: unknown
}

type Container = JsonObject | unknown[]

/**
 * Apply a JSON patch (RFC 6902).
 *
 * @returns a new document that shares nothing with the old one
 * @throws {ApiError} BadRequest when this is no patch, Invalid when an operation cannot be done or a test fails
 */
export function applyJsonPatch<T>(document: T, patch: unknown): T {
  const operations = parseOperations(patch)
  const root = { document: deepClone(document) as unknown }
  let copied = 0
  for (const operation of operations) {
    const moved = operation.op === 'copy' || operation.op === 'move' ? read(root, operation.from ?? '') : undefined
    switch (operation.op) {
      case 'add':
        add(root, operation.path, deepClone(operation.value))
        break
      case 'remove':
        remove(root, operation.path)
        break
      case 'replace':
        read(root, operation.path)
        replace(root, operation.path, deepClone(operation.value))
        break
      case 'move':
        if (operation.path.startsWith(`${operation.from}/`))
          throw failed(`move operation cannot move ${operation.from} into its own part ${operation.path}`)
        remove(root, operation.from ?? '')
        add(root, operation.path, moved)
        break
      case 'copy':
        copied += Buffer.byteLength(JSON.stringify(moved))
        if (copied > sizes.copiedBytes)
          throw new ApiError(
            'RequestEntityTooLarge',
            `the copy operations of the patch add more than ${sizes.copiedBytes} bytes: send a smaller patch`,
          )
        add(root, operation.path, deepClone(moved))
        break
      default:
        test(root, operation)
    }
  }
  return root.document as T
}

function parseOperations(patch: unknown): Operation[] {
  if (!Array.isArray(patch)) throw malformed('a JSON patch is a list of operations')
  if (patch.length > maxOperations)
    throw new ApiError(
      'RequestEntityTooLarge',
      `The allowed maximum operations in a JSON patch is ${maxOperations}, got ${patch.length}`,
    )
  return patch.map((operation: unknown, index) => {
    if (!isObject(operation)) throw malformed(`operation ${index} is not an object`)
    const { op, path, from } = operation
    if (typeof op !== 'string' || !['add', 'remove', 'replace', 'move', 'copy', 'test'].includes(op))
      throw malformed(`operation ${index} has no op of add, remove, replace, move, copy and test`)
    if (typeof path !== 'string' || !isPointer(path))
      throw malformed(`operation ${index} has no path such as /spec/replicas`)
    if ((op === 'move' || op === 'copy') && (typeof from !== 'string' || !isPointer(from)))
      throw malformed(`operation ${index} has no from such as /spec/replicas`)
    if ((op === 'add' || op === 'replace') && !Object.hasOwn(operation, 'value'))
      throw malformed(`operation ${index} has no value`)
    return { op, path, from: from as string | undefined, value: operation['value'] }
  })
}

function isPointer(path: string): boolean {
  if (path.length > sizes.pointerBytes || path.split('/').length - 1 > sizes.pointerSteps)
    throw malformed(
      `a path has more than ${sizes.pointerSteps} steps or ${sizes.pointerBytes} characters; no object is as deep`,
    )
  return path === '' || path.startsWith('/')
}

function malformed(what: string): ApiError {
  return new ApiError('BadRequest', `error decoding patch: ${what}`)
}

/** A patch that is well formed and cannot be done, as Kubernetes answers it. */
function failed(what: string): ApiError {
  return new ApiError('Invalid', 'the server rejected our request due to an error in our request', {
    details: { causes: [{ reason: 'UnexpectedServerResponse', message: what }] },
  })
}

/** The steps of a JSON pointer (RFC 6901). */
function steps(path: string): string[] {
  return path
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function descend(root: { document: unknown }, path: string, upTo: number): unknown {
  let at: unknown = root.document
  for (const step of steps(path).slice(0, upTo)) at = child(at, step, path)
  return at
}

function child(parent: unknown, step: string, path: string): unknown {
  if (Array.isArray(parent)) return parent[indexOf(parent, step, path, parent.length - 1)] as unknown
  if (isObject(parent) && Object.hasOwn(parent, step)) return parent[step]
  throw failed(`doc is missing path: ${path}: missing value`)
}

function indexOf(list: unknown[], step: string, path: string, last: number): number {
  if (!/^(?:0|[1-9]\d{0,8})$/.test(step) || Number(step) > last)
    throw failed(`Unable to access invalid index: ${step} in ${path}, the list has ${list.length} items`)
  return Number(step)
}

function read(root: { document: unknown }, path: string): unknown {
  return descend(root, path, Infinity)
}

function parentOf(root: { document: unknown }, path: string): { parent: Container; step: string } {
  const all = steps(path)
  const parent = descend(root, path, all.length - 1)
  if (!isObject(parent) && !Array.isArray(parent)) throw failed(`doc is missing path: ${path}: missing value`)
  return { parent, step: all.at(-1) ?? '' }
}

function add(root: { document: unknown }, path: string, value: unknown): void {
  if (path === '') {
    root.document = value
    return
  }
  const { parent, step } = parentOf(root, path)
  if (!Array.isArray(parent)) setOwn(parent, step, value)
  else if (step === '-') parent.push(value)
  else parent.splice(indexOf(parent, step, path, parent.length), 0, value)
}

function replace(root: { document: unknown }, path: string, value: unknown): void {
  if (path === '') {
    root.document = value
    return
  }
  const { parent, step } = parentOf(root, path)
  if (Array.isArray(parent)) parent[indexOf(parent, step, path, parent.length - 1)] = value
  else setOwn(parent, step, value)
}

function remove(root: { document: unknown }, path: string): void {
  if (path === '') throw failed('remove operation needs a path: the whole object cannot be removed by a patch')
  const { parent, step } = parentOf(root, path)
  child(parent, step, path)
  if (Array.isArray(parent)) parent.splice(Number(step), 1)
  else delete parent[step]
}

function test(root: { document: unknown }, operation: Operation): void {
  let found: unknown
  try {
    found = read(root, operation.path)
  } catch {
    if (operation.value === undefined || operation.value === null) return
    throw failed(`testing value ${operation.path} failed`)
  }
  if (!deepEqual(found, operation.value ?? null)) throw failed(`testing value ${operation.path} failed`)
}

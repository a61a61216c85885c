import { deepClone, isObject, setOwn, type JsonObject } from '../schema/clone.ts'

/**
 * Apply a JSON merge patch (RFC 7386): objects merge, null deletes, all else replaces.
 *
 * @returns a new value that shares nothing with the old one
 */
export function applyMergePatch(document: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return deepClone(patch)
  const result: JsonObject = {}
  if (isObject(document)) {
    for (const key of Object.keys(document)) {
      if (!Object.hasOwn(patch, key)) setOwn(result, key, deepClone(document[key]))
      else if (patch[key] !== null) setOwn(result, key, applyMergePatch(document[key], patch[key]))
    }
  }
  for (const key of Object.keys(patch)) {
    if (patch[key] !== null && !Object.hasOwn(result, key)) setOwn(result, key, applyMergePatch(undefined, patch[key]))
  }
  return result
}

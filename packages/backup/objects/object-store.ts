/**
 * Where a repository keeps its objects: a bucket, or a folder.
 *
 * What was put is seen by everybody's next get and list, whole or not at all; nothing else is asked for, no rename, no append,
 * no condition, so that the plainest S3 will do. Keys are words of `[A-Za-z0-9._-]` parted by slashes.
 */
export interface ObjectStore {
  /** Put a whole object, durable when this returns; one of the same key is replaced. @throws {ObjectError} */
  put(key: string, body: Uint8Array): Promise<void>
  /** A whole object; undefined where there is none. @throws {ObjectError} */
  get(key: string): Promise<Buffer | undefined>
  /** Delete one; that it is not there is no error. @throws {ObjectError} */
  delete(key: string): Promise<void>
  /** The objects whose key begins with `prefix`, in no certain order. @throws {ObjectError} */
  list(prefix: string): AsyncIterable<ListedObject>
}

export interface ListedObject {
  key: string
  bytes: number
}

/** Why a store did not do what it was asked. */
export type ObjectReason =
  /** It does not answer, or not in time. */
  | 'Unreachable'
  /** Its certificate is not trusted. */
  | 'NotTrusted'
  /** The credentials are not accepted, or may not do this. */
  | 'Denied'
  /** There is no such bucket or folder. */
  | 'Missing'
  /** It has no room. */
  | 'Full'
  /** It refuses for another reason, or its answer makes no sense. */
  | 'Failed'

/** A store refused or could not be asked; the message is a sentence that names the target and what to do. */
export class ObjectError extends Error {
  override readonly name = 'ObjectError'
  readonly reason: ObjectReason

  constructor(reason: ObjectReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

/** @throws {RangeError} when a key is none of ours; a folder's name comes from it. */
export function checkKey(key: string): string {
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/.test(key) || key.length > 512)
    throw new RangeError(`${JSON.stringify(key)} is no key of an object`)
  return key
}

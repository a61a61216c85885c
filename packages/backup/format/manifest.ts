import { matches } from '@thresher/api/matches'
import { Type } from '@thresher/api/type'
import type { Static } from 'typebox'
import { DamagedError } from './damaged-error.ts'

/** One disk in a backup. */
const Disk = Type.Object({
  /** The name of the machine's volume. */
  name: Type.String(),
  bytes: Type.Integer({ minimum: 0 }),
  /** Keys of the index's segments, 4096 blocks of 2 MiB each, in order; an empty text stands for zeros alone. */
  segments: Type.Array(Type.String()),
})

/** What one backup holds. Written last, so that what is listed is whole. */
export const Manifest = Type.Object({
  version: Type.Literal(1),
  /** Also the name of its writer. */
  uid: Type.String(),
  cluster: Type.Object({ uid: Type.String(), name: Type.String() }),
  machine: Type.Object({ namespace: Type.String(), name: Type.String(), uid: Type.String() }),
  /** RFC 3339: the instant that the disks are of. */
  time: Type.String(),
  /** Whether the guest had its file systems at rest. */
  frozen: Type.Boolean(),
  /** The backup whose blocks were taken over where nothing had changed. */
  parent: Type.Optional(Type.String()),
  disks: Type.Array(Disk),
  /** Kubernetes objects to make the machine of again: the VirtualMachine, its claims and Secrets. */
  objects: Type.Array(Type.Unknown()),
  /** What this backup read, and what it had to send. */
  cost: Type.Object({ readBytes: Type.Integer(), newBytes: Type.Integer(), sentBytes: Type.Integer() }),
})
export type Manifest = Static<typeof Manifest>
export type ManifestDisk = Static<typeof Disk>

/** Whose machine a backup is of. */
export interface ManifestOwner {
  /** The cluster's id. */
  cluster: string
  namespace: string
}

/** Whether a backup is of a machine of this cluster and namespace, as it says itself. */
export function isOf({ cluster, machine }: Manifest, owner: ManifestOwner): boolean {
  return cluster.uid === owner.cluster && machine.namespace === owner.namespace
}

export const manifestsPrefix = 'manifests/'
export const manifestKey = (uid: string): string => `${manifestsPrefix}${uid}`

/** @throws {DamagedError} */
export function parseManifest(json: Buffer): Manifest {
  let value: unknown
  try {
    value = JSON.parse(json.toString())
  } catch (error) {
    throw new DamagedError('it is no JSON', { cause: error })
  }
  if (!matches(Manifest, value)) throw new DamagedError('it is of a version that this Thresher does not know')
  return value
}

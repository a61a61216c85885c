import { Lease } from './coordination/lease.ts'
import { ConfigMap } from './core/config-map.ts'
import { Event } from './core/event.ts'
import { Namespace } from './core/namespace.ts'
import { Node } from './core/node.ts'
import { PersistentVolumeClaim } from './core/persistent-volume-claim.ts'
import { PersistentVolume } from './core/persistent-volume.ts'
import { Pod } from './core/pod.ts'
import { Secret } from './core/secret.ts'
import { ServiceAccount } from './core/service-account.ts'
import type { Kind } from './kind.ts'
import { StorageClass } from './storage/storage-class.ts'

/** Every declared kind. */
export const kinds: Kind[] = [
  Namespace,
  Secret,
  ConfigMap,
  ServiceAccount,
  Event,
  Node,
  Pod,
  PersistentVolumeClaim,
  PersistentVolume,
  StorageClass,
  Lease,
]

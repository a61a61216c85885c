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
import { KeyPair } from './harvester/key-pair.ts'
import { Setting } from './harvester/setting.ts'
import { VirtualMachineImage } from './harvester/virtual-machine-image.ts'
import type { Kind } from './kind.ts'
import {
  VirtualMachineInstanceMigration,
  VirtualMachineInstanceMigrationV1alpha3,
} from './kubevirt/virtual-machine-instance-migration.ts'
import { VirtualMachineInstance, VirtualMachineInstanceV1alpha3 } from './kubevirt/virtual-machine-instance.ts'
import { VirtualMachine, VirtualMachineV1alpha3 } from './kubevirt/virtual-machine.ts'
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
  VirtualMachine,
  VirtualMachineV1alpha3,
  VirtualMachineInstance,
  VirtualMachineInstanceV1alpha3,
  VirtualMachineInstanceMigration,
  VirtualMachineInstanceMigrationV1alpha3,
  VirtualMachineImage,
  KeyPair,
  Setting,
]

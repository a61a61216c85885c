import { cardAddresses } from './card-addresses.ts'
import { clusterNetwork } from './cluster-network.ts'
import { defaultClass } from './default-class.ts'
import { encryption } from './encryption.ts'
import { finalizers } from './finalizers.ts'
import { imageName } from './image-name.ts'
import { claimInUse, imageInUse } from './in-use.ts'
import { machineBackups } from './machine-backups.ts'
import { machineResources } from './machine-resources.ts'
import { machineVolumes } from './machine-volumes.ts'
import { podNetwork } from './pod-network.ts'
import type { AdmissionStep } from '@thresher/apiserver/admission'
import type { Objects } from '@thresher/apiserver/auth/objects'
import { storageClasses } from './storage-classes.ts'
import { serviceAddresses } from './service-addresses.ts'
import { templateVersions } from './template-versions.ts'
import type { Lookup } from './request.ts'

/**
 * What must hold between a machine, its volumes and images, beyond what each kind checks by itself.
 *
 * @param objects the server's own caches; asked for only when a write comes in
 */
export function machineAdmission(objects: () => Lookup & Pick<Objects, 'follow'>): AdmissionStep[] {
  return [
    finalizers,
    encryption,
    podNetwork,
    cardAddresses(objects),
    machineVolumes(objects),
    machineResources(objects),
    claimInUse(objects),
    imageInUse(objects),
    machineBackups(objects),
    imageName(objects),
    templateVersions(objects),
    defaultClass(objects),
    storageClasses(objects),
    serviceAddresses(objects),
    clusterNetwork(objects),
  ]
}

import { runControllers, type Controller, type RunOptions, type Running } from '@thresher/client/controller'
import { defaultObjectsController } from './default-objects/default-objects.ts'
import { eventTtlController } from './event-ttl/event-ttl.ts'
import { garbageCollector } from './garbage-collector/garbage-collector.ts'
import { imageController } from './image/image.ts'
import { namespaceController } from './namespace/namespace.ts'
import { nodeLifecycleController } from './node-lifecycle/node-lifecycle.ts'
import { persistentVolumeClaimController } from './persistent-volume/persistent-volume-claim.ts'
import { persistentVolumeController } from './persistent-volume/persistent-volume.ts'
import { podGcController } from './pod-gc/pod-gc.ts'
import { schedulerController } from './scheduler/scheduler.ts'
import { serviceAccountController } from './service-account/service-account.ts'
import { virtualMachineInstanceController } from './virtual-machine-instance/virtual-machine-instance.ts'
import { virtualMachineController } from './virtual-machine/virtual-machine.ts'

/** Every controller; those that remember something are made anew for each run. */
export function allControllers(): Controller[] {
  return [
    defaultObjectsController,
    serviceAccountController,
    virtualMachineController,
    virtualMachineInstanceController,
    schedulerController(),
    persistentVolumeClaimController,
    persistentVolumeController,
    imageController,
    namespaceController(),
    garbageCollector(),
    nodeLifecycleController(),
    podGcController,
    eventTtlController,
  ]
}

/** The user as which the controllers act in the server's own process. */
export const controllersUser = {
  name: 'system:thresher:controllers',
  groups: ['system:masters', 'system:authenticated'],
}

/**
 * Start all controllers over one transport; resolves when they know what is there. They stop with the signal.
 *
 * @param more further controllers to run with the same informers, such as that of the network
 */
export function startControllers(
  options: Omit<RunOptions, 'component'> & { more?: readonly Controller[] },
): Promise<Running> {
  const { more = [], ...rest } = options
  return runControllers([...allControllers(), ...more], { ...rest, component: 'thresher' })
}

import { hostname } from 'node:os'
import { Namespace } from '@thresher/api/core/namespace'
import { isReason } from '@thresher/api/error'
import { Client } from '@thresher/client/client'
import { runControllers, type Controller, type RunOptions, type Running } from '@thresher/client/controller'
import { electLeader } from '@thresher/client/node/leader-election'
import { defaultObjectsController } from './default-objects/default-objects.ts'
import { disruptionBudgetController } from './disruption-budget/disruption-budget.ts'
import { eventTtlController } from './event-ttl/event-ttl.ts'
import { garbageCollector } from './garbage-collector/garbage-collector.ts'
import { imageController } from './image/image.ts'
import { namespaceController } from './namespace/namespace.ts'
import { nodeLifecycleController } from './node-lifecycle/node-lifecycle.ts'
import { nodeRequestsController } from './node-requests/node-requests.ts'
import { notBuiltController } from './not-built/not-built.ts'
import { persistentVolumeClaimController } from './persistent-volume/persistent-volume-claim.ts'
import { persistentVolumeController } from './persistent-volume/persistent-volume.ts'
import { podGcController } from './pod-gc/pod-gc.ts'
import { schedulerController } from './scheduler/scheduler.ts'
import { serviceAccountController } from './service-account/service-account.ts'
import { virtualMachineInstanceController } from './virtual-machine-instance/virtual-machine-instance.ts'
import { virtualMachineBackupController } from './virtual-machine-backup/virtual-machine-backup.ts'
import { scheduleVMBackupController } from './schedule-vm-backup/schedule-vm-backup.ts'
import { virtualMachineRestoreController } from './virtual-machine-restore/virtual-machine-restore.ts'
import { virtualMachineTemplateController } from './virtual-machine-template/virtual-machine-template.ts'
import { virtualMachineController } from './virtual-machine/virtual-machine.ts'
import { volumeSnapshotController } from './volume-snapshot/volume-snapshot.ts'

/** Every controller; those that remember something are made anew for each run. */
function allControllers(): Controller[] {
  return [
    defaultObjectsController,
    serviceAccountController,
    virtualMachineController,
    virtualMachineInstanceController,
    virtualMachineTemplateController,
    schedulerController(),
    persistentVolumeClaimController,
    persistentVolumeController,
    volumeSnapshotController,
    virtualMachineBackupController,
    virtualMachineRestoreController,
    scheduleVMBackupController,
    imageController,
    namespaceController(),
    garbageCollector(),
    nodeLifecycleController(),
    nodeRequestsController(),
    disruptionBudgetController,
    podGcController,
    eventTtlController,
    notBuiltController,
  ]
}

/** The user as which the controllers act in the server's own process. */
export const controllersUser = {
  name: 'system:thresher:controllers',
  groups: ['system:masters', 'system:authenticated'],
}

/** What all candidates compete for. */
const election = { namespace: 'kube-system', name: 'thresher-controllers' }

export interface LeaderOptions extends Omit<RunOptions, 'component'> {
  more?: readonly Controller[]
  /** Unique among servers; one that comes back under its name leads on at once. */
  identity: string
}

/**
 * Run all controllers while this server holds their Lease, so that of several servers only one acts. Settles when the signal aborts.
 */
export async function leadControllers(options: LeaderOptions): Promise<void> {
  const { identity, transport, signal, log = () => {} } = options
  const client = new Client(transport)
  await ensureNamespace(client, election.namespace)
  await electLeader({
    client,
    ...election,
    identity,
    signal,
    async lead(office) {
      await startControllers({ ...options, signal: office })
      log('info', `${identity} leads the controllers`)
      await new Promise((resolve) => office.addEventListener('abort', resolve, { once: true }))
    },
    onError: (error) => log('warn', `the election of the controllers: ${String(error)}`),
  })
}

async function ensureNamespace(client: Client, name: string): Promise<void> {
  try {
    await client.resource(Namespace).create({ metadata: { name } } as Namespace)
  } catch (error) {
    if (!isReason(error, 'AlreadyExists')) throw error
  }
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
  return runControllers([...allControllers(), ...more], {
    ...rest,
    component: 'thresher',
    host: hostname(),
    followQuotas: true,
  })
}

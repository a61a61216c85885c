import { NetworkAttachmentDefinition } from '@thresher/api/cni/network-attachment-definition'
import { Pod } from '@thresher/api/core/pod'
import { failureWords } from '@thresher/api/failure-words'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { ClusterNetwork } from '@thresher/api/network/cluster-network'
import { watch, type Context, type Controller, type Source } from '@thresher/client/controller'
import { keyOf } from '@thresher/client/paths'
import { subjectIs } from '@thresher/client/subject'
import { Central, namesKey, switchesKey, type CentralOptions } from './central.ts'
import { showManagement } from './cluster-network.ts'
import { definitionsOf } from './guest-nics.ts'
import { guestKey, patienceMs, reconcileGuest } from './guest.ts'
import { networksOf, type Networks } from './networks.ts'

export interface NetworkControllerOptions extends CentralOptions {
  /** How long one look may wait for the database before it counts as failed; ten seconds unless given. */
  patienceMs?: number
}

/**
 * Keeps OVN's northbound database as the guests need it: a switch for each network, a port for each NIC for as long as its
 * machine exists, addresses where they are ours, the guests' names. Announces to a guest's pod where it is plugged in.
 *
 * What OVN answers (addresses) and what others change there wakes it as changes in the API do.
 */
export function networkController(options: NetworkControllerOptions): Controller {
  let central: Central | undefined
  const source: Source = (wake, context) => {
    central = new Central(options, wake)
    context.signal.addEventListener('abort', () => void central?.close(), { once: true })
  }
  const networks = rememberedNetworks(options)
  return {
    name: 'network',
    subject: subjectIs(VirtualMachineInstance, undefined, (key) => (key.includes('/') ? key : undefined)),
    workers: 8,
    keys: [switchesKey],
    sources: [source],
    watches: [
      watch(VirtualMachineInstance, undefined, { definition: definitionsOf }),
      watch(VirtualMachine),
      watch(Pod, guestKey, { guest: guestKey }),
      watch(ClusterNetwork, (one, context) => {
        networks.forget()
        // Its MTU is that of guests on it.
        return [switchesKey, ...context.objects(VirtualMachineInstance).list().filter(onNetworks).map(keyOf)]
      }),
      watch(NetworkAttachmentDefinition, (definition, context) => {
        networks.forget()
        return [
          switchesKey,
          ...context.objects(VirtualMachineInstance).byIndex('definition', keyOf(definition)).map(keyOf),
        ]
      }),
    ],
    async reconcile(key, context) {
      if (!central) return
      const limit = AbortSignal.any([context.signal, AbortSignal.timeout(options.patienceMs ?? patienceMs)])
      await central.database.ready(limit).catch((error: unknown) => explainLoss(key, options, central, error, context))
      if (key === switchesKey) {
        await central.makeSwitches(networks.get(context).byId.values(), limit)
        await showManagement(options.network.subnet, undefined, context)
      } else if (key === namesKey) await central.writeNames(limit)
      else return await reconcileGuest(key, central, networks.get(context), context, limit)
    },
  }
}

function onNetworks(instance: VirtualMachineInstance): boolean {
  return definitionsOf(instance).length > 0
}

/** The networks as they were at the last change of what they are made from: a thousand guests ask in a row. */
function rememberedNetworks({ network }: CentralOptions) {
  let known: Networks | undefined
  return {
    forget: (): void => void (known = undefined),
    get: (context: Context): Networks =>
      (known ??= networksOf({
        management: network,
        definitions: context.objects(NetworkAttachmentDefinition).list(),
        clusterNetworks: context.objects(ClusterNetwork).list(),
      })),
  }
}

/** @throws {Error} always, after it showed on the object why nothing can be done */
async function explainLoss(
  key: string,
  { network }: CentralOptions,
  central: Central | undefined,
  error: unknown,
  context: Context,
): Promise<never> {
  const instance = context.objects(VirtualMachineInstance).get(key)
  const why = failureWords(central?.database.failure ?? error)
  const failure = `the northbound database does not answer: ${why}`
  if (!context.signal.aborted) {
    if (instance)
      context.events.record({
        object: instance,
        type: 'Warning',
        reason: 'NetworkNotReady',
        message: `the network's database does not answer (${why}): is the agent on its host running?`,
      })
    if (key === switchesKey) await showManagement(network.subnet, failure, context)
  }
  throw new Error(failure, { cause: error })
}

import { mkdir } from 'node:fs/promises'
import type { Operation } from '@thresher/ovsdb/schema'
import type { Engines } from './engines.ts'
import type { Gateway } from './gateway.ts'
import type { HostSwitch } from './host-switch.ts'
import type { Names } from './names.ts'
import type { NetworkFault, NetworkPart } from './network-part.ts'
import type { Ports } from './ports.ts'
import { planRemoval } from './switch-plan.ts'

/** Of what the host's network is made. */
export interface PartsOptions {
  names: Names
  runDir: string
  engines: Engines
  hostSwitch: HostSwitch
  gateway: Gateway
  ports: Ports
  /** What is still to be done in the switch's database. */
  plan: () => { settings: Operation[]; bridge: Operation[] }
}

const limitMs = 15_000

/** All that can be taken away from a host's network, in the order in which it is put back: what others rest on comes first. */
export function networkParts(options: PartsOptions): NetworkPart[] {
  return [
    sockets(options),
    engines(options),
    database(options),
    gatewayLink(options),
    address(options),
    ...rest(options),
  ]
}

function sockets({ engines, runDir }: PartsOptions): NetworkPart {
  return {
    name: 'sockets',
    look: async () =>
      (await engines.lost()).map(({ spec }) => fault('sockets', spec.name, `the sockets of ${spec.name} are gone`)),
    mend: async () => {
      await mkdir(runDir, { recursive: true, mode: 0o755 })
      // The databases first: the others look for them.
      const lost = await engines.lost()
      const [databases, daemons] = [lost.filter(({ spec }) => spec.database), lost.filter(({ spec }) => !spec.database)]
      for (const group of [databases, daemons]) await Promise.all(group.map((engine) => engine.renew()))
    },
  }
}

/** Each engine starts itself again; here it shows when it cannot. */
function engines({ engines: all }: PartsOptions): NetworkPart {
  return {
    name: 'engines',
    look: async () =>
      (await all.status())
        .filter(({ state }) => state !== 'running')
        .map(({ name, message }) => fault('engines', name, `${name} does not run${message ? `: ${message}` : ''}`)),
    mend: () => Promise.resolve(),
  }
}

function database({ hostSwitch, names, plan }: PartsOptions): NetworkPart {
  const part = 'switch'
  return {
    name: part,
    look: () => {
      if (!hostSwitch.connected)
        return Promise.resolve([fault(part, 'database', "the switch's database does not answer")])
      const { settings, bridge } = plan()
      return Promise.resolve([
        ...(settings.length > 0 ? [fault(part, 'settings', "the switch's settings were changed")] : []),
        ...(bridge.length > 0
          ? [fault(part, names.bridge, `the bridge ${names.bridge} or the host's port on it is gone`)]
          : []),
      ])
    },
    mend: async () => {
      const limit = AbortSignal.timeout(limitMs)
      const { settings, bridge } = plan()
      await hostSwitch.database.transact(settings, limit)
      await hostSwitch.apply(bridge, limit)
    },
  }
}

/** The interface may be gone from the kernel though the switch believes that it is there. */
function gatewayLink({ gateway, hostSwitch, names, plan }: PartsOptions): NetworkPart {
  return {
    name: 'gateway',
    look: async () =>
      (await gateway.links()).has(names.gateway)
        ? []
        : [fault('gateway', names.gateway, `the gateway's interface ${names.gateway} is gone`)],
    mend: async () => {
      const limit = AbortSignal.timeout(limitMs)
      const port = hostSwitch.database.find('Port', 'name', names.gateway)
      if (port) await hostSwitch.apply(planRemoval(names.bridge, [port._uuid]), limit)
      await hostSwitch.apply(plan().bridge, limit)
    },
  }
}

function address({ gateway, names }: PartsOptions): NetworkPart {
  return {
    name: 'address',
    look: async () =>
      (await gateway.hasAddress())
        ? []
        : [fault('address', names.gateway, `the gateway's interface ${names.gateway} is down or has not its address`)],
    mend: () => gateway.setAddress(),
  }
}

function rest({ gateway, ports, names }: PartsOptions): NetworkPart[] {
  return [
    {
      name: 'forwarding',
      look: async () =>
        (await gateway.forwards()) ? [] : [fault('forwarding', 'ip_forward', 'the host does not forward packets')],
      mend: () => gateway.forward(),
    },
    {
      name: 'rules',
      look: async () =>
        (await gateway.hasRules())
          ? []
          : [fault('rules', names.table, `the nftables table inet ${names.table} is gone or was changed`)],
      mend: () => gateway.restoreRules(),
    },
    {
      name: 'ports',
      look: async () => ports.faults(await gateway.links()),
      mend: async () => ports.mend(await gateway.links()),
    },
  ]
}

function fault(part: string, name: string, message: string): NetworkFault {
  return { part, name, message }
}

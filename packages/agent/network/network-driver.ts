/** Which network card: the VMI's UID and the NIC's name in the VMI's spec (`default`). */
export interface NicId {
  vmi: string
  nic: string
}

/** A network card of a guest, as the controller announces it in the Pod annotation `thresher.io/network`. */
export interface NicRequest extends NicId {
  /** The logical switch port: `<namespace>/<vmi>/<nic>`. */
  port: string
  /** Six lower-case octets, `52:54:00:12:34:56`. */
  mac: string
  /** The IPv4 address the guest will get, when known: the host then reaches it without asking who has it. */
  address?: string
  /** Bytes. The management network's unless given. */
  mtu?: number
  /** The UID that opens the tap: that of the user `thresher-qemu`. */
  owner: number
}

/** A tap that QEMU can open by name. */
export interface PluggedNic {
  /**
   * At most 15 characters, the same for the same {@link NicId} for ever:
   * `-netdev tap,ifname=<ifname>,script=no,downscript=no`.
   */
  ifname: string
  /** False where the switch cannot take large or unsummed packets: then QEMU needs `vnet_hdr=off` on the netdev. */
  offloads: boolean
  mtu: number
}

/** One of the programs that carry the network. */
export interface EngineStatus {
  name: 'ovsdb-server' | 'ovs-vswitchd' | 'ovn-nb' | 'ovn-sb' | 'ovn-northd' | 'ovn-controller'
  state: 'running' | 'starting' | 'stopped'
  pid?: number
  /** Resident bytes. */
  memoryBytes?: number
  /** How often it was started again since the driver started. */
  restarts: number
  /** Why it does not run, in one sentence. */
  message?: string
}

/** What the network of this host looks like now. */
export interface NetworkStatus {
  engines: EngineStatus[]
  /** `kernel` where the openvswitch module works, else `userspace`. */
  datapath: 'kernel' | 'userspace'
  bridge: string
  gateway: { ifname: string; address: string; subnet: string; mac: string; mtu: number }
  /** Where the guests' DNS questions go: straight to a server of the host, or through the agent. */
  dns: { mode: 'direct' | 'forwarded' | 'none'; servers: string[] }
  /** Logical ports plugged on this host. */
  ports: string[]
  /** What is not as it should be and could not be put back, in sentences. */
  faults: string[]
}

/**
 * Carries the guests' networks on one host.
 *
 * Every call may be repeated: plugging what is plugged or unplugging what is gone succeeds, so an agent that died halfway
 * just runs again. The engines are detached: they, the taps and all traffic live on when the agent ends.
 */
export interface NetworkDriver {
  /**
   * Bring up, or adopt, the engines, the gateway and the NAT rules. Afterwards the taps' owners may open `/dev/net/tun`.
   *
   * @throws {NetworkError} `MissingProgram`, `SubnetInUse`, `NotPermitted`, `EngineFailed`
   */
  start(): Promise<void>
  /**
   * Remove taps and ports of NICs that are not in `known`. Call once after the running guests are adopted.
   *
   * @returns the interface names that were removed
   */
  sweep(known: Iterable<NicId>): Promise<string[]>
  /**
   * Make the tap and put it on the switch under its port's name. Resolves when QEMU may open it; traffic flows some
   * milliseconds later (see {@link ready}), long before a guest asks for its address.
   */
  plug(request: NicRequest, signal?: AbortSignal): Promise<PluggedNic>
  /** Resolves when the switch forwards for this NIC. @throws the signal's reason */
  ready(nic: NicId, signal?: AbortSignal): Promise<void>
  /** Take the NIC off the switch and remove its tap. Call after QEMU ended. */
  unplug(nic: NicId): Promise<void>
  status(): Promise<NetworkStatus>
  /** Let go: close connections and watches; engines, taps and rules stay. */
  close(): Promise<void>
  /** Remove everything this driver made on the host: engines, bridge, taps, gateway, rules. Works without {@link start}. */
  down(): Promise<void>
}

/** Why the network driver could not do it; the message says what to do. */
export type NetworkReason =
  | 'MissingProgram'
  | 'NotPermitted'
  | 'SubnetInUse'
  | 'EngineFailed'
  | 'CommandFailed'
  | 'Invalid'
  | 'Closed'

/** The one error of the network driver. */
export class NetworkError extends Error {
  readonly reason: NetworkReason

  constructor(reason: NetworkReason, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'NetworkError'
    this.reason = reason
  }
}

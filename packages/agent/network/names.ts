import { createHash } from 'node:crypto'
import type { NicId } from './network-driver.ts'

/** How the things are called that one instance of the driver makes on a host. Interfaces have at most 15 characters. */
export interface Names {
  bridge: string
  gateway: string
  /** Carries tunnels where Open vSwitch forwards packets itself. */
  tunnelBridge: string
  /** The nftables table, of family inet. */
  table: string
  /** What all taps of this instance start with. */
  tapPrefix: string
}

/** @param instance 1 to 8 characters that tell instances on one host apart */
export function namesOf(instance: string): Names {
  if (!/^[a-z0-9]{1,8}$/.test(instance))
    throw new RangeError(`the network's instance name "${instance}" must be 1 to 8 of a-z and 0-9`)
  return {
    bridge: `br-${instance}`,
    gateway: `gw-${instance}`,
    tunnelBridge: `tn-${instance}`,
    table: `thresher-${instance}`,
    tapPrefix: `t${digest(instance, 4)}`,
  }
}

/** A NIC's tap: 15 characters, the same for ever. 50 bits of a hash keep the NICs of a host apart. */
export function tapName(names: Names, nic: NicId): string {
  return names.tapPrefix + digest(`${nic.vmi}/${nic.nic}`, 10)
}

function digest(text: string, length: number): string {
  const bits = BigInt(`0x${createHash('sha256').update(text).digest('hex')}`)
  return bits.toString(36).slice(-length)
}

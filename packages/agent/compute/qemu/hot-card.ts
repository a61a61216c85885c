import { Draft, UnsupportedSpecError, type Options } from './draft.ts'
import type { QemuInput, ResolvedNic } from './input.ts'
import { addInterfaces } from './interfaces.ts'

/** A network card for a guest that runs: the tap and the device that QEMU is to be given. */
export interface HotCard {
  netdev: { type: 'tap'; id: string; ifname: string; script: 'no'; downscript: 'no'; vnet_hdr?: boolean }
  device: Options & { driver: string }
}

/**
 * One card of a spec, as on the command line but for its place in the boot order. Pure.
 *
 * @throws {UnsupportedSpecError} naming every field that cannot be carried out
 */
export function hotCard({ vmi, places }: Pick<QemuInput, 'vmi' | 'places'>, name: string, nic: ResolvedNic): HotCard {
  const draft = new Draft()
  const interfaces = vmi.spec.domain.devices.interfaces?.filter((card) => card.name === name)
  const { domain } = vmi.spec
  const only = { ...vmi, spec: { ...vmi.spec, domain: { ...domain, devices: { ...domain.devices, interfaces } } } }
  addInterfaces(draft, { vmi: only, places, volumes: new Map(), nics: new Map([[name, nic]]) })
  const [device] = draft.devices
  if (draft.errors.length > 0 || !device) throw new UnsupportedSpecError(draft.errors)
  const { bootindex: _, ...options } = device
  return {
    netdev: {
      type: 'tap',
      id: `tap-${name}`,
      ifname: nic.ifname,
      script: 'no',
      downscript: 'no',
      ...(nic.offloads ? {} : { vnet_hdr: false }),
    },
    device: { ...options, driver: device.driver, romfile: '' },
  }
}

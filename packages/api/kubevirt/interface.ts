import type { Static } from 'typebox'
import { about, Empty, int32, list, object, optional, text, texts } from '../schema.ts'

/** A network card of the guest, on the network of the same name. One binding says how it is connected. */
export const Interface = object(
  { name: text },
  {
    model: about(text, 'The card that the guest sees: virtio, e1000, e1000e, igb, ne2k_pci, pcnet or rtl8139.'),
    macAddress: about(text, 'Made and kept when none is given.'),
    bridge: about(Empty, 'The guest is on the network itself.'),
    masquerade: about(Empty, 'The guest is behind address translation.'),
    sriov: Empty,
    slirp: Empty,
    macvtap: Empty,
    passt: Empty,
    passtBinding: Empty,
    binding: object({ name: text }),
    ports: list(object({ port: int32 }, { name: text, protocol: text })),
    portRanges: list(object({ start: int32, end: int32, protocol: text })),
    bootOrder: int32,
    pciAddress: text,
    acpiIndex: int32,
    state: about(text, 'up, down or absent.'),
    tag: text,
    dhcpOptions: optional({
      bootFileName: text,
      tftpServerName: text,
      ntpServers: texts,
      privateOptions: list(object({ option: int32, value: text })),
    }),
  },
)
export type Interface = Static<typeof Interface>

import { createHash } from 'node:crypto'

/** A MAC address that a network card keeps over restarts: QEMU's prefix and three bytes from who it is. */
export function stableMac(machineUid: string, cardName: string): string {
  const digest = createHash('sha256').update(`${machineUid}/${cardName}`).digest()
  const bytes = [...digest.subarray(0, 3)].map((byte) => byte.toString(16).padStart(2, '0'))
  return ['52', '54', '00', ...bytes].join(':')
}

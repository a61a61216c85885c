import { stat } from 'node:fs/promises'
import { qemuImg } from './qemu-img.ts'

/** A new layer takes less: tables, and nothing of the guest's. */
const mostEmptyBytes = 2 * 1024 * 1024

/** Whether nothing was written to a layer since it was made. For a file that nobody has open. */
export async function isEmptyLayer(path: string, subject: string): Promise<boolean> {
  if ((await stat(path)).blocks * 512 > mostEmptyBytes) return false
  const report: unknown = JSON.parse(await qemuImg(['check', '-f', 'qcow2', '--output=json', path], subject))
  // Left out when it is zero.
  return ((report as { 'allocated-clusters'?: number })['allocated-clusters'] ?? 0) === 0
}

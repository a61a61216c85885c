import type { Domain } from './domain.ts'

/** Whether a machine has a TPM; `enabled` is true unless said. */
export function hasTpm({ devices }: Domain): boolean {
  return devices.tpm !== undefined && devices.tpm.enabled !== false
}

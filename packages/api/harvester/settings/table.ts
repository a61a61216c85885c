import type { SettingDeclaration } from './declaration.ts'
import { networkSettings } from './networks.ts'
import { dashboardSettings, operationSettings } from './operations.ts'
import { securitySettings } from './security.ts'
import { outboundRangesDeclaration } from './outbound-ranges.ts'
import { storageSettings } from './storage.ts'
import { virtualMachineSettings } from './virtual-machines.ts'

/** Every setting. */
export const settings: readonly SettingDeclaration[] = [
  ...virtualMachineSettings,
  ...networkSettings,
  outboundRangesDeclaration,
  ...storageSettings,
  ...securitySettings,
  ...operationSettings,
  ...dashboardSettings,
]

const byName = new Map(settings.map((setting) => [setting.name, setting]))

/** The declaration of a setting; undefined for names that are none of ours. */
export function settingNamed(name: string): SettingDeclaration | undefined {
  return byName.get(name)
}

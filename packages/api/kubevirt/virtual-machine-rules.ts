import type { FieldError } from '../error.ts'
import type { KubeObject } from '../meta.ts'
import { checkClaimTemplates, checkClaimTemplatesUpdate } from './claim-templates.ts'
import { notOneOf } from './device-rules.ts'
import { checkInstanceSpec } from './instance-rules.ts'
import { sshNamesAnnotation } from '../names.ts'
import type { VirtualMachineSpec } from './virtual-machine.ts'

type Machine = KubeObject & { spec: VirtualMachineSpec }

/** When a virtual machine runs: always, again after a crash, on demand, once, or not. */
export const runStrategies = ['Always', 'RerunOnFailure', 'Manual', 'Halted', 'Once', 'WaitAsReceiver']

const maintenanceLabel = 'harvesterhci.io/maintain-mode-strategy'
const maintenanceStrategies = ['Migrate', 'ShutdownAndRestartAfterEnable', 'ShutdownAndRestartAfterDisable', 'Shutdown']
const maxNameLength = 63

/** What is wrong with a virtual machine. */
export function checkMachine(machine: Machine): FieldError[] {
  const { metadata, spec } = machine
  const maintenance = metadata.labels?.[maintenanceLabel]
  const errors: FieldError[] = [...checkRunStrategy(spec), ...checkClaimTemplates(metadata)]
  if (maintenance !== undefined && !maintenanceStrategies.includes(maintenance))
    errors.push({
      field: `metadata.labels[${maintenanceLabel}]`,
      message: `invalid maintenance mode strategy: ${maintenance}; use ${maintenanceStrategies.join(', ')}`,
      reason: 'FieldValueNotSupported',
    })
  if ((metadata.name?.length ?? 0) > maxNameLength)
    errors.push({
      field: 'metadata.name',
      message: `has ${metadata.name?.length} characters; at most ${maxNameLength} are possible, since guests are named after it`,
      reason: 'FieldValueTooLong',
    })
  const at = 'spec.template.spec'
  const templateNames = spec.template.metadata?.annotations?.[sshNamesAnnotation]
  if (templateNames !== undefined && !isJsonList(templateNames))
    errors.push({
      field: `spec.template.metadata.annotations[${sshNamesAnnotation}]`,
      message: 'must be a JSON array of key pair names, such as ["default/mine"]',
    })
  return [...errors, ...checkInstanceSpec(spec.template.spec, at, metadata.annotations)]
}

function checkRunStrategy({ running, runStrategy }: VirtualMachineSpec): FieldError[] {
  if (running !== undefined && runStrategy !== undefined)
    return [
      {
        field: 'spec.running',
        message: 'running and runStrategy exclude each other; keep runStrategy, since running is the older form',
      },
    ]
  if (running === undefined && runStrategy === undefined)
    return [
      {
        field: 'spec.runStrategy',
        message: `say when the machine runs: ${runStrategies.join(', ')}`,
        reason: 'FieldValueRequired',
      },
    ]
  return runStrategy === undefined || runStrategies.includes(runStrategy)
    ? []
    : [notOneOf('spec.runStrategy', runStrategy, runStrategies)]
}

/** What a change of a virtual machine gets wrong. */
export function checkMachineUpdate(next: Machine, previous: Machine): FieldError[] {
  return checkClaimTemplatesUpdate(next.metadata, previous.metadata)
}

function isJsonList(written: string): boolean {
  try {
    return Array.isArray(JSON.parse(written))
  } catch {
    return false
  }
}

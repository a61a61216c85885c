import { checkResources } from '../core/pod-rules.ts'
import type { FieldError } from '../error.ts'
import { formatBytes, isQuantity, parseBytes } from '../quantity.ts'
import { checkDisks, checkInterfaces, notOneOf } from './device-rules.ts'
import { guestCpus, guestMemoryBytes, minGuestMemoryBytes, reservedMemoryAnnotation } from './guest-memory.ts'
import type { VirtualMachineInstanceSpec } from './virtual-machine-instance-spec.ts'

const maxCpus = 254
const evictionStrategies = ['None', 'LiveMigrate', 'LiveMigrateIfPossible', 'External']
const rebootPolicies = ['Reboot', 'Terminate']
const hostname = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

/**
 * What is wrong with one run's spec, a virtual machine's template or a VirtualMachineInstance's own.
 *
 * @param at path of the spec
 * @param annotations of the virtual machine, for its reserved memory
 */
export function checkInstanceSpec(
  spec: VirtualMachineInstanceSpec,
  at: string,
  annotations?: Record<string, string>,
): FieldError[] {
  const errors: FieldError[] = [
    ...checkCpu(spec, `${at}.domain`),
    ...checkMemory(spec, `${at}.domain`, annotations),
    ...checkDisks(spec, at),
    ...checkInterfaces(spec, at),
    ...checkFirmware(spec, `${at}.domain`),
  ]
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0)
    errors.push({
      field: `${at}.terminationGracePeriodSeconds`,
      message: "Termination grace period can't be negative: give 0 or more seconds",
    })
  if (spec.evictionStrategy && !evictionStrategies.includes(spec.evictionStrategy))
    errors.push(notOneOf(`${at}.evictionStrategy`, spec.evictionStrategy, evictionStrategies))
  const { rebootPolicy } = spec.domain
  if (rebootPolicy && !rebootPolicies.includes(rebootPolicy))
    errors.push(notOneOf(`${at}.domain.rebootPolicy`, rebootPolicy, rebootPolicies))
  for (const field of ['hostname', 'subdomain'] as const)
    if (spec[field] && !hostname.test(spec[field]))
      errors.push({
        field: `${at}.${field}`,
        message: "use up to 63 lower-case letters, digits and '-', not '-' first or last",
      })
  return errors
}

function checkCpu({ domain }: VirtualMachineInstanceSpec, at: string): FieldError[] {
  const errors: FieldError[] = []
  for (const field of ['sockets', 'cores', 'threads'] as const) {
    const count = domain.cpu?.[field]
    if (count !== undefined && count < 1)
      errors.push({ field: `${at}.cpu.${field}`, message: `must be at least 1, not ${count}` })
  }
  if (errors.length === 0 && guestCpus(domain) > maxCpus)
    errors.push({
      field: `${at}.cpu`,
      message: `sockets × cores × threads is ${guestCpus(domain)}; at most ${maxCpus} virtual CPUs are possible`,
    })
  return [...errors, ...checkResources(domain.resources, `${at}.resources`)]
}

function checkMemory(
  { domain }: VirtualMachineInstanceSpec,
  at: string,
  annotations: Record<string, string> = {},
): FieldError[] {
  const amounts: [string, string | undefined][] = [
    [`${at}.memory.guest`, domain.memory?.guest],
    [`${at}.memory.maxGuest`, domain.memory?.maxGuest],
    [`${at}.memory.reservedOverhead.addedOverhead`, domain.memory?.reservedOverhead?.addedOverhead],
    [`metadata.annotations[${reservedMemoryAnnotation}]`, annotations[reservedMemoryAnnotation] || undefined],
  ]
  const errors = amounts
    .filter(([, amount]) => amount !== undefined && !isSize(amount))
    .map(([field, amount]) => ({
      field,
      message:
        field.includes(reservedMemoryAnnotation) && amount?.startsWith('-')
          ? `reservedMemory cannot be less than 0, and is ${amount}`
          : `${JSON.stringify(amount)} is not an amount of memory: write for example 512Mi or 2Gi`,
    }))
  const { limits, requests } = domain.resources ?? {}
  for (const [side, amount] of Object.entries({ limits: limits?.memory, requests: requests?.memory }))
    if (amount !== undefined && isQuantity(amount) && !isSize(amount))
      errors.push({ field: `${at}.resources.${side}.memory`, message: 'must be from 0 to 2^53 - 1 bytes' })
    else if (amount !== undefined && !isQuantity(amount)) return errors
  if (errors.length > 0) return errors
  return [...checkReserved(domain, at, annotations), ...checkGuestMemory(domain, at, annotations)]
}

function checkReserved(
  domain: VirtualMachineInstanceSpec['domain'],
  at: string,
  annotations: Record<string, string>,
): FieldError[] {
  const reserved = annotations[reservedMemoryAnnotation]
  const limit = domain.resources?.limits?.memory
  const field = `metadata.annotations[${reservedMemoryAnnotation}]`
  if (!reserved || limit === undefined) return []
  if (parseBytes(reserved) >= parseBytes(limit))
    return [{ field, message: `reservedMemory cannot be equal or greater than limits.memory (${limit})` }]
  const guest = domain.memory?.guest
  if (guest !== undefined && parseBytes(guest) + parseBytes(reserved) > parseBytes(limit))
    return [
      {
        field: `${at}.memory.guest`,
        message: `guest memory ${guest} plus reservedMemory ${reserved} cannot be greater than limits.memory ${limit}`,
      },
    ]
  return []
}

function checkGuestMemory(
  domain: VirtualMachineInstanceSpec['domain'],
  at: string,
  annotations: Record<string, string>,
): FieldError[] {
  const bytes = guestMemoryBytes(domain, annotations)
  const field = `${at}.memory.guest`
  if (bytes === undefined)
    return [
      {
        field,
        message: 'either memory.guest or resources.limits.memory must be set, such as 2Gi',
        reason: 'FieldValueRequired',
      },
    ]
  if (bytes < minGuestMemoryBytes)
    return [
      {
        field,
        message: `guest memory is under the minimum requirement (10 Mi): it is ${bytes > 0 ? formatBytes(bytes) : bytes}`,
      },
    ]
  const { maxGuest, guest } = domain.memory ?? {}
  const limit = domain.resources?.limits?.memory
  if (guest !== undefined && limit !== undefined && bytes > parseBytes(limit))
    return [
      {
        field,
        message: `guest memory ${guest} must be at most ${at}.resources.limits.memory, which is ${limit}: raise the limit or give the guest less`,
      },
    ]
  if (maxGuest !== undefined && parseBytes(maxGuest) < bytes)
    return [{ field: `${at}.memory.maxGuest`, message: `must be at least the guest memory of ${formatBytes(bytes)}` }]
  return []
}

function isSize(amount: string): boolean {
  try {
    parseBytes(amount)
    return true
  } catch {
    return false
  }
}

function checkFirmware({ domain }: VirtualMachineInstanceSpec, at: string): FieldError[] {
  const { bios, efi } = domain.firmware?.bootloader ?? {}
  const errors: FieldError[] = []
  if (bios && efi)
    errors.push({
      field: `${at}.firmware.bootloader`,
      message: 'choose bios or efi; a machine starts from one of them',
    })
  if (efi?.secureBoot && domain.features?.smm?.enabled === false)
    errors.push({
      field: `${at}.features.smm`,
      message: 'secure boot needs SMM: enable it, or set secureBoot to false',
    })
  const uuid = domain.firmware?.uuid
  if (uuid && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(uuid))
    errors.push({
      field: `${at}.firmware.uuid`,
      message: 'must be a UUID, such as 5d307ca9-b3ef-428c-8861-06e72d69f223',
    })
  return errors
}

import { formatBytes, formatCpu, isQuantity, parseBytes, parseCpu } from '../quantity.ts'
import type { Domain } from './domain.ts'
import { reservedMemoryAnnotation } from './guest-memory.ts'

/** How much more is promised than there is. */
export interface Overcommit {
  /** Per cent of a host's processors and memory; at least 100. */
  cpu: number
  memory: number
  /** Factor on the memory that a machine takes beside its guest; 0 takes a fixed part of its limit instead. */
  overheadRatio: number
}

/** Taken from the limit for the machine itself where there is no ratio and the machine says nothing. */
const fixedReserveBytes = 100 * 1024 * 1024
const mebibyte = 1024 * 1024

/** From the settings `overcommit-config` and `additional-guest-memory-overhead-ratio`. What is no number counts as 100 and as 1. */
export function readOvercommit(config: Record<string, unknown>, ratio: string): Overcommit {
  const percent = (value: unknown): number => (typeof value === 'number' && value >= 100 ? value : 100)
  const overheadRatio = Number(ratio || '0')
  return {
    cpu: percent(config['cpu']),
    memory: percent(config['memory']),
    overheadRatio: Number.isFinite(overheadRatio) && overheadRatio >= 0 ? overheadRatio : 1,
  }
}

/** What the memory that a machine takes beside its guest is multiplied by. */
export function overheadFactor({ overheadRatio }: Overcommit): number {
  return Math.max(overheadRatio, 1)
}

/**
 * Derive from a machine's limits what it requests and what its guest sees. Changes the domain in place. Without limits, and where one
 * is no amount, all stays as it is; validation says why.
 *
 * @param before the domain as it was, of a machine that is changed: what was derived then stays while what it follows from does
 */
export function applyOvercommit(
  domain: Domain,
  annotations: Record<string, string>,
  overcommit: Overcommit,
  before?: { domain: Domain; annotations: Record<string, string> },
): void {
  const { limits } = domain.resources ?? {}
  if (!domain.resources || !limits) return
  if (before && causesOf(domain, annotations) === causesOf(before.domain, before.annotations)) return
  const requests = { ...domain.resources.requests }
  const dedicated = domain.cpu?.dedicatedCpuPlacement ?? false
  const { cpu, memory } = limits
  if (isQuantity(cpu)) requests['cpu'] = dedicated ? cpu : formatCpu(Math.floor((parseCpu(cpu) * 100) / overcommit.cpu))
  const bytes = bytesOf(memory)
  if (memory !== undefined && bytes !== undefined) {
    const reserved = bytesOf(annotations[reservedMemoryAnnotation] || undefined)
    const guest = bytes - (reserved ?? (overcommit.overheadRatio === 0 ? fixedReserveBytes : 0))
    const devices = [...(domain.devices.hostDevices ?? []), ...(domain.devices.gpus ?? [])]
    const shared = Math.floor((bytes * 100) / overcommit.memory / mebibyte) * mebibyte
    // Devices of the host write to the guest's memory at any time, so all of it must be there.
    requests['memory'] = dedicated ? memory : formatBytes(devices.length > 0 ? Math.max(guest, 0) : shared)
    const asked = domain.memory?.guest
    const isOld = before !== undefined && asked === before.domain.memory?.guest
    if (guest > 0 && (asked === undefined || isOld)) domain.memory = { ...domain.memory, guest: formatBytes(guest) }
  }
  domain.resources = { ...domain.resources, requests }
}

/** All that requests and the guest's memory follow from. */
function causesOf({ resources, cpu, devices }: Domain, annotations: Record<string, string>): string {
  const { limits, requests } = resources ?? {}
  return JSON.stringify([
    limits?.['cpu'],
    limits?.['memory'],
    requests?.['cpu'] === undefined || requests['memory'] === undefined,
    cpu?.dedicatedCpuPlacement ?? false,
    (devices.hostDevices?.length ?? 0) + (devices.gpus?.length ?? 0) > 0,
    annotations[reservedMemoryAnnotation] ?? '',
  ])
}

function bytesOf(amount: string | undefined): number | undefined {
  try {
    return amount === undefined ? undefined : parseBytes(amount)
  } catch {
    return undefined
  }
}

import { fillInstanceDefaults } from '@thresher/api/kubevirt/instance-defaults'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { same } from '@thresher/api/same'
import { templateDigestAnnotation } from '../names.ts'
import { instanceOf, templateDigest } from './instance.ts'
import { liveSpec } from './live-update.ts'

/** How many fields a sentence names. */
const named = 3

/** Set for one run alone, so no change of the template. */
const ofOneRun = new Set(['startStrategy'])

/** Why a running machine must be restarted to show its template, as a sentence; undefined when it need not. Pure. */
export function restartReason(machine: VirtualMachine, instance: VirtualMachineInstance): string | undefined {
  const startedFrom = instance.metadata.annotations?.[templateDigestAnnotation]
  if (!startedFrom || startedFrom === templateDigest(machine)) return undefined
  const next = structuredClone(instanceOf(machine))
  fillInstanceDefaults(next)
  const running = liveSpec(machine.spec.template.spec, instance.spec, machine.metadata.uid ?? '')
  const fields = [...differences(next.spec, running, 'spec.template.spec')]
  if (fields.length === 0) return undefined
  const more = fields.length > named ? ` and ${fields.length - named} more` : ''
  const { name } = machine.metadata
  return `${fields.slice(0, named).join(', ')}${more} changed after ${name} started and cannot change while it runs; restart ${name} to apply it`
}

/** The paths at which two values differ; members of lists are known by their names. */
function* differences(next: unknown, running: unknown, at: string): Generator<string> {
  if (same(next, running)) return
  if (isPlain(next) && isPlain(running)) {
    for (const field of new Set([...Object.keys(next), ...Object.keys(running)]))
      if (!ofOneRun.has(field)) yield* differences(next[field], running[field], `${at}.${field}`)
  } else if (isNamedList(next) && isNamedList(running)) {
    const names = new Set([...next, ...running].map(({ name }) => name))
    for (const name of names)
      yield* differences(
        next.find((one) => one.name === name),
        running.find((one) => one.name === name),
        `${at}[${name}]`,
      )
  } else yield at
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isNamedList(value: unknown): value is { name: string }[] {
  return Array.isArray(value) && value.every((item) => isPlain(item) && typeof item['name'] === 'string')
}

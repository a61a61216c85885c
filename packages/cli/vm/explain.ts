import type { Node } from '@thresher/api/core/node'
import type { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import type { Pod } from '@thresher/api/core/pod'
import type { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { acceleratorLabel } from '@thresher/api/names'

/** All that says something of why a machine is in its state; what is not there, or may not be read, is missing. */
export interface MachineEvidence {
  machine: VirtualMachine
  instance?: VirtualMachineInstance
  pod?: Pod
  claims: PersistentVolumeClaim[]
  /** Names of claims that the machine uses and that do not exist. */
  missingClaims: string[]
  images: VirtualMachineImage[]
  nodes: Node[]
}

/** One object's part in the state, in its own words. */
export interface Cause {
  /** `Pod virt-launcher-web-abcde`. */
  object: string
  says: string
}

/** Why a machine is in its state. */
export interface Explanation {
  state: string
  /** From the machine down to the host; each follows from the next. */
  causes: Cause[]
  /** What keeps nothing from going on, but may surprise. */
  notes: Cause[]
  /** What to do, where one of the causes does not say it. */
  remedy?: string
}

interface Condition {
  type?: string
  status?: string
  reason?: string
  message?: string
}

/** Explain a machine's state, cause by cause. Pure. */
export function explainMachine(evidence: MachineEvidence, now: Date): Explanation {
  const { machine } = evidence
  const { name = '' } = machine.metadata
  const printable = machine.status?.printableStatus ?? 'Unknown'
  const causes = unrepeated([
    ...machineCauses(evidence, now),
    ...instanceCauses(evidence),
    ...podCauses(evidence),
    ...volumeCauses(evidence),
    ...nodeCauses(evidence),
  ])
  const remedy = remedyFor(evidence, printable, causes.length)
  return {
    state: `${name} is ${printable}${placeOf(evidence)}`,
    causes,
    notes: notesOf(evidence),
    ...(remedy ? { remedy } : {}),
  }
}

/** As lines of text, each cause further in than what follows from it. */
export function explanationText({ state, causes, notes, remedy }: Explanation): string {
  const lines = [`${state}.`]
  for (const [depth, { object, says }] of causes.entries())
    lines.push(`${'  '.repeat(depth + 1)}${depth === 0 ? '' : 'as '}${object}: ${says}`)
  if (remedy) lines.push(`Remedy: ${remedy}.`)
  for (const { object, says } of notes) lines.push(`Note (${object}): ${says}`)
  return lines.join('\n')
}

function placeOf({ instance }: MachineEvidence): string {
  const node = instance?.status?.nodeName
  return instance?.status?.phase === 'Running' && node ? ` on ${node}` : ''
}

function machineCauses({ machine, instance }: MachineEvidence, now: Date): Cause[] {
  const object = `VirtualMachine ${machine.metadata.name}`
  const status = machine.status
  const says = messages(status?.conditions, ['Synchronized', 'Failure'])
  const failure = status?.startFailure
  if (failure?.consecutiveFailCount) {
    const waitMs = Date.parse(failure.retryAfterTimestamp ?? '') - now.getTime()
    const next = waitMs > 0 ? `; the next try is in ${Math.ceil(waitMs / 1000)} s` : ''
    says.push(`it failed ${failure.consecutiveFailCount} times in a row${next}`)
  }
  if (machine.metadata.deletionTimestamp) says.push('it is being deleted')
  else if (!instance && says.length === 0) says.push(whyOff(machine))
  return says.map((each) => ({ object, says: each }))
}

function whyOff({ spec, status }: VirtualMachine): string {
  const strategy = spec.runStrategy ?? (spec.running ? 'Always' : 'Halted')
  switch (strategy) {
    case 'Halted':
      return 'it is to be off: its run strategy is Halted'
    case 'Manual':
      return 'it was not started, or was stopped: by its run strategy Manual it runs on request alone'
    case 'Always':
      return status?.runStrategy === strategy ? 'it is about to start again' : 'it is about to start'
    default:
      return `it was stopped or shut itself down, after which it stays off by its run strategy ${strategy}`
  }
}

/** A condition of these types that is False, or a failure that is True, in the order of the types. */
function messages(conditions: readonly Condition[] | undefined, types: readonly string[]): string[] {
  return types.flatMap((type) => {
    const found = conditions?.find((each) => each.type === type)
    const bad = type === 'Failure' || type === 'Paused' ? 'True' : 'False'
    return found?.status === bad && found.message ? [found.message] : []
  })
}

function instanceCauses({ instance }: MachineEvidence): Cause[] {
  if (!instance) return []
  const object = `VirtualMachineInstance ${instance.metadata.name}`
  const types = [
    'Synchronized',
    'PodScheduled',
    'QemuResponsive',
    'RunStateReadable',
    'Paused',
    'TPMAvailable',
    'Ready',
  ]
  return messages(instance.status?.conditions, types).map((says) => ({ object, says }))
}

function podCauses({ pod }: MachineEvidence): Cause[] {
  if (!pod) return []
  const { phase, reason, message } = pod.status ?? {}
  const says = messages(pod.status?.conditions, ['PodScheduled'])
  if (phase === 'Failed' && (message ?? reason)) says.push(message ?? reason ?? '')
  return says.map((each) => ({ object: `Pod ${pod.metadata.name}`, says: each }))
}

function volumeCauses({ machine, claims, missingClaims, images }: MachineEvidence): Cause[] {
  const named = (name: string): string => `PersistentVolumeClaim ${name}`
  const missing = missingClaims.map((name) => ({
    object: named(name),
    says: `does not exist; create it, or take the volume off ${machine.metadata.name}`,
  }))
  const unbound = claims
    .filter(({ status }) => status?.phase !== 'Bound')
    .flatMap(({ metadata, status }) =>
      messages(status?.conditions, ['Provisioned']).map((says) => ({ object: named(metadata.name ?? ''), says })),
    )
  const importing = images.flatMap(({ metadata, status }) => {
    const object = `VirtualMachineImage ${metadata.namespace}/${metadata.name}`
    const says = messages(status?.conditions, ['Imported'])
    const progress = status?.progress
    if (says.length === 0 && progress !== undefined && progress < 100) says.push(`is ${progress} % imported`)
    return says.map((each) => ({ object, says: each }))
  })
  return [...missing, ...unbound, ...importing]
}

/** Of the machine's own node, or of all while it has none. */
function nodeCauses({ instance, nodes }: MachineEvidence): Cause[] {
  const own = instance?.status?.nodeName
  return nodes
    .filter(({ metadata }) => own === undefined || metadata.name === own)
    .flatMap((node) => {
      const object = `Node ${node.metadata.name}`
      const conditions: readonly Condition[] = node.status?.conditions ?? []
      const ready = conditions.find(({ type }) => type === 'Ready')
      const says = ready && ready.status !== 'True' ? [ready.message || 'is not ready'] : []
      for (const { type, status, message } of conditions)
        if (type !== 'Ready' && type?.endsWith('Pressure') && status === 'True') says.push(message || `has ${type}`)
      if (node.spec?.unschedulable && own === undefined) says.push('is cordoned, so nothing new comes to it')
      return says.map((each) => ({ object, says: each }))
    })
}

/** An object that repeats what stands above it says nothing new: the deepest that says a sentence has it. */
function unrepeated(causes: Cause[]): Cause[] {
  const within = (inner: string, outer: string): boolean => outer.includes(inner) || inner.includes(outer)
  return causes.filter(({ says }, index) => !causes.slice(index + 1).some((deeper) => within(deeper.says, says)))
}

function remedyFor({ machine, instance }: MachineEvidence, printable: string, causes: number): string | undefined {
  const { name } = machine.metadata
  if (printable === 'Stopped' && !machine.metadata.deletionTimestamp) return `start it with: thresher vm start ${name}`
  if (
    printable === 'Paused' &&
    instance &&
    !instance.status?.conditions?.some(({ reason }) => reason === 'PausedIOError')
  )
    return `let it go on with: thresher vm unpause ${name}`
  if (printable === 'CrashLoopBackOff') return `look at its console with: thresher vm log ${name}`
  return causes === 0 && printable === 'Starting' ? 'wait a moment; nothing is reported to be wrong' : undefined
}

function notesOf({ machine, instance, nodes }: MachineEvidence): Cause[] {
  const object = `VirtualMachine ${machine.metadata.name}`
  const conditions: readonly Condition[] = machine.status?.conditions ?? []
  const restart = conditions.find(({ type, status }) => type === 'RestartRequired' && status === 'True')
  const notes = [restart?.message, ...messages(conditions, ['SpecHonoured'])]
    .filter((says): says is string => says !== undefined)
    .map((says) => ({ object, says }))
  const node = nodes.find(({ metadata }) => metadata.name === instance?.status?.nodeName)
  if (node?.metadata.labels?.[acceleratorLabel] === 'tcg')
    notes.push({
      object: `Node ${node.metadata.name}`,
      says: 'emulates its guests, which makes them slow; thresher status says why',
    })
  return notes
}

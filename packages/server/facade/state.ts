import type { KubeObject } from '@thresher/api/meta'

/** An object's state in one word, as lists show it. */
export interface State {
  name: string
  error: boolean
  transitioning: boolean
  message: string
}

interface Conditioned {
  type?: string
  status?: string
  reason?: string
  message?: string
}

interface Reporting extends KubeObject {
  spec?: { unschedulable?: boolean; replicas?: number }
  status?: {
    phase?: string
    printableStatus?: string
    conditions?: Conditioned[]
    readyReplicas?: number
    progress?: number
  }
}

const transitions =
  /^(pending|starting|stopping|provisioning|migrating|scheduling|scheduled|waitingforvolumebinding|progressing)$/
const failures = /^(failed|lost|error.*|crashloopbackoff|unschedulable|datavolumeerror|unknown)$/

/** What state an object is in, from its deletion, its phase or its conditions. */
export function stateOf(object: KubeObject): State {
  const { metadata, spec, status } = object as Reporting
  if (metadata.deletionTimestamp) {
    const waiting = metadata.finalizers?.length ? `waiting on ${metadata.finalizers.join(', ')}` : ''
    return { name: 'removing', error: false, transitioning: true, message: waiting }
  }
  const word = status?.printableStatus ?? status?.phase
  const conditions = Array.isArray(status?.conditions) ? status.conditions : []
  if (word) return fromWord(word, conditions)
  if (spec?.unschedulable) return { name: 'cordoned', error: false, transitioning: false, message: '' }
  const failed = conditions.find(({ type, status: holds }) => type === 'Failed' && holds === 'True')
  if (failed) return { name: 'failed', error: true, transitioning: false, message: failed.message ?? '' }
  const unmet = conditions.find(
    ({ type, status: holds }) => ['Ready', 'ready', 'Imported', 'Available'].includes(type ?? '') && holds !== 'True',
  )
  if (!unmet) return { name: 'active', error: false, transitioning: false, message: '' }
  const error = unmet.status === 'False' && /fail|error|invalid|exceeded/i.test(unmet.reason ?? '')
  const name = error ? 'error' : 'in-progress'
  return { name, error, transitioning: !error, message: unmet.message ?? unmet.reason ?? '' }
}

function fromWord(word: string, conditions: Conditioned[]): State {
  const name = word.toLowerCase()
  const error = failures.test(name)
  const transitioning = transitions.test(name)
  const why = conditions.find(({ status, message }) => status !== 'True' && message)
  return { name, error, transitioning, message: error || transitioning ? (why?.message ?? '') : '' }
}

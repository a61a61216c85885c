import type { KubeObject } from '@thresher/api/meta'
import type { AdmissionRequest, AdmissionStep } from '../admission.ts'
import type { Objects } from '../auth/objects.ts'
import { isKind, refuse } from './refuse.ts'
import { mountToken, takePullSecrets, type TokenAccount, type TokenSpec } from './service-account-token.ts'

interface Pod extends KubeObject {
  spec?: TokenSpec & {
    serviceAccountName?: string
    serviceAccount?: string
    priorityClassName?: string
    priority?: number
    preemptionPolicy?: string
  }
}
interface PriorityClass extends KubeObject {
  value?: number
  globalDefault?: boolean
  preemptionPolicy?: string
}

/** The classes that are there without an object. @see Kubernetes, "Guaranteed scheduling for critical add-on pods" */
const systemPriorities: { [name: string]: number | undefined } = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
}

const newPod = (request: AdmissionRequest): Pod | undefined =>
  request.operation === 'CREATE' && request.subresource === '' && isKind(request, '', 'pods')
    ? (request.object as Pod)
    : undefined

const accounts = { group: '', plural: 'serviceaccounts' }

/** Pods run as a service account of their namespace: `default` unless they name another. Their containers get its token. */
export function podServiceAccount(objects: () => Objects): AdmissionStep {
  return {
    name: 'ServiceAccount',
    mutate(request) {
      const pod = newPod(request)
      if (!pod) return
      pod.spec ??= {}
      pod.spec.serviceAccountName ||= pod.spec.serviceAccount || 'default'
      pod.spec.serviceAccount = pod.spec.serviceAccountName
      const account = objects().get<TokenAccount>(accounts, request.namespace, pod.spec.serviceAccountName)
      takePullSecrets(pod.spec, account)
      mountToken(pod.spec, account)
    },
    validate(request) {
      const name = newPod(request)?.spec?.serviceAccountName
      // The account `default` follows the namespace within moments; its first pods need not wait.
      if (name === undefined || name === 'default' || objects().get(accounts, request.namespace, name)) return
      throw refuse(
        request,
        `error looking up service account ${request.namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`,
      )
    },
  }
}

/** The number behind a pod's priority class. */
export function podPriority(objects: () => Objects): AdmissionStep {
  const classes = { group: 'scheduling.k8s.io', plural: 'priorityclasses' }
  return {
    name: 'Priority',
    mutate(request) {
      const pod = newPod(request)
      if (!pod?.spec) return
      const { spec } = pod
      const name = spec.priorityClassName
      let found: PriorityClass | undefined
      if (name) {
        found =
          objects().get<PriorityClass>(classes, '', name) ??
          (Object.hasOwn(systemPriorities, name) ? { metadata: { name }, value: systemPriorities[name] } : undefined)
        if (!found) throw refuse(request, `no PriorityClass with name ${name} was found`)
      } else {
        const defaults = [...objects().list<PriorityClass>(classes)].filter((one) => one.globalDefault)
        found = defaults.sort((a, b) => (a.value ?? 0) - (b.value ?? 0))[0]
        if (found) spec.priorityClassName = found.metadata.name
      }
      const priority = found?.value ?? 0
      if (spec.priority !== undefined && spec.priority !== priority)
        throw refuse(
          request,
          `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${priority} from the given PriorityClass name`,
        )
      spec.priority = priority
      spec.preemptionPolicy ??= found?.preemptionPolicy ?? 'PreemptLowerPriority'
    },
  }
}

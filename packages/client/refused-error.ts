import { ApiError, isReason, type Reason } from '@thresher/api/error'
import type { Condition, KubeObject } from '@thresher/api/meta'
import type { KindAddress } from './paths.ts'
import type { ApiRequest, Transport } from './transport.ts'

/** What the API refused, as the condition and the event of an object say it. */
export interface Refusal {
  reason: 'FailedCreate' | 'FailedUpdate' | 'FailedDelete'
  /** The API's own sentence. */
  message: string
}

const refusalReasons: readonly string[] = ['FailedCreate', 'FailedUpdate', 'FailedDelete'] satisfies Refusal['reason'][]

/** Whether a condition was written for a refusal, by whichever controller. */
export function isRefusal(condition: Condition | undefined): condition is Condition {
  return condition?.status === 'False' && refusalReasons.includes(condition.reason ?? '')
}

/** Answers that mean: not this object, not now; neither a race nor a fault of the server. */
const refusing: Reason[] = ['Forbidden', 'Invalid', 'BadRequest', 'RequestEntityTooLarge']

/** The API refused to make, change or delete an object: by a quota, a rule or a policy. */
export class RefusedError extends ApiError {
  readonly refusal: Refusal
  /** The object of the write, as far as it is known. */
  readonly object: KubeObject

  constructor(reason: Refusal['reason'], cause: ApiError, object: KubeObject) {
    super(cause.reason, cause.message, { details: cause.details, code: cause.code, cause })
    this.name = 'RefusedError'
    this.refusal = { reason, message: cause.message }
    this.object = object
  }
}

/** A transport for the objects of a kind over which the refusal of a write is a {@link RefusedError}. */
export function refusingTransport(transport: Transport, kind: KindAddress): Transport {
  return {
    watch: (request) => transport.watch(request),
    close: () => transport.close(),
    async request<T>(request: ApiRequest): Promise<T> {
      try {
        return await transport.request<T>(request)
      } catch (error) {
        if (request.method === 'GET' || !isReason(error, ...refusing) || comesTooLate(error)) throw error
        throw new RefusedError(reasonOf(request, kind), error, objectOf(request, kind))
      }
    },
  }
}

/** What is made in a namespace that is going is nobody's loss. */
function comesTooLate({ details }: ApiError): boolean {
  return details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating') ?? false
}

function reasonOf({ method, path }: ApiRequest, kind: KindAddress): Refusal['reason'] {
  if (method === 'DELETE') return 'FailedDelete'
  // A POST below an object's name (`pods/web/binding`) changes that object.
  return method === 'POST' && path.endsWith(`/${kind.plural}`) ? 'FailedCreate' : 'FailedUpdate'
}

function objectOf({ path, body }: ApiRequest, { apiVersion, kind, plural }: KindAddress): KubeObject {
  const sent = (body as KubeObject | undefined)?.metadata
  const parts = path.split('/').map(decodeURIComponent)
  const below = parts.indexOf('namespaces')
  const namespace = below >= 0 && parts[below + 2] !== undefined ? parts[below + 1] : undefined
  const name = parts[parts.lastIndexOf(plural) + 1] ?? sent?.name ?? sent?.generateName
  return { apiVersion, kind, metadata: { name, ...(namespace ? { namespace } : {}), uid: sent?.uid } }
}

import { randomUUID } from 'node:crypto'
import type { AuditSink } from '../api-server.ts'
import { userInfo } from '../auth/reviews/identity.ts'
import type { RequestInfo, ServerRequest } from '../request.ts'
import type { User } from '../user.ts'
import type { AuditFile } from './audit-file.ts'
import { defaultPolicy, levelOf, type Policy } from './policy.ts'
import { mayShowBody, redact } from './redact.ts'

/** Bodies above this are left out of the log. */
const bodyBytes = 64 * 1024

/** Writes an audit.k8s.io/v1 Event for each request that the policy wants written down, when it is answered. */
export class AuditLog implements AuditSink {
  readonly #file: Pick<AuditFile, 'add'>
  readonly #policy: Policy

  constructor(file: Pick<AuditFile, 'add'>, policy: Policy = defaultPolicy) {
    this.#file = file
    this.#policy = policy
  }

  begin(request: ServerRequest, info: RequestInfo, user: User): (status: number, response?: unknown) => void {
    const level = levelOf(this.#policy, user, info)
    if (level === 'None') return () => undefined
    const received = new Date()
    return (status, response) => {
      const bodies = level !== 'Metadata' && info.resourceRequest && mayShowBody(info)
      const requestObject = bodies ? bodyOf(request) : undefined
      const responseObject =
        bodies && level === 'RequestResponse' && response !== undefined ? redact(response) : undefined
      const agent = request.headers['user-agent']
      const event = {
        kind: 'Event',
        apiVersion: 'audit.k8s.io/v1',
        level,
        auditID: randomUUID(),
        stage: 'ResponseComplete',
        requestURI: request.query.size > 0 ? `${request.path}?${request.query.toString()}` : request.path,
        verb: info.verb,
        user: userInfo(user),
        sourceIPs: request.credentials?.remoteAddress ? [request.credentials.remoteAddress] : [],
        userAgent: typeof agent === 'string' ? agent.slice(0, 256) : undefined,
        objectRef: info.resourceRequest ? objectRef(info) : undefined,
        responseStatus: { metadata: {}, code: status },
        requestObject,
        responseObject,
        requestReceivedTimestamp: received.toISOString(),
        stageTimestamp: new Date().toISOString(),
      }
      this.#file.add(JSON.stringify(event))
    }
  }
}

function objectRef({ resource, namespace, name, group, version, subresource }: RequestInfo): Record<string, string> {
  return Object.fromEntries(
    Object.entries({ resource, namespace, name, apiGroup: group, apiVersion: version, subresource }).filter(
      ([, value]) => value !== '',
    ),
  )
}

function bodyOf(request: ServerRequest): unknown {
  if (request.object !== undefined) return redact(request.object)
  if (!request.body || request.body.length === 0) return undefined
  if (request.body.length > bodyBytes) return { omitted: `the body has ${request.body.length} bytes` }
  try {
    return redact(JSON.parse(request.body.toString()))
  } catch {
    // Patches in YAML and protobuf cannot be searched for secrets here.
    return { omitted: 'the body is not JSON' }
  }
}

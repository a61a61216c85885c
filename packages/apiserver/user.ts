/** Who asks. */
export interface User {
  name: string
  uid?: string
  groups: string[]
  extra?: Record<string, string[]>
}

/** What is asked, as authorization sees it. */
export interface Attributes {
  user: User
  /** get, list, watch, create, update, patch, delete, deletecollection, or a special one such as impersonate; an HTTP method in lower case for other paths. */
  verb: string
  /** False for paths such as /version and /metrics, which are judged by `path`. */
  resourceRequest: boolean
  path: string
  group: string
  version: string
  resource: string
  subresource: string
  namespace: string
  name: string
  /** Of a list or watch, as it was asked; empty without one. Undefined where the asker does not tell. */
  fieldSelector?: string
  /** As {@link fieldSelector}. */
  labelSelector?: string
}

/** An authorizer's word. Of several authorizers the first `allow` or `deny` counts. */
export interface Decision {
  verdict: 'allow' | 'deny' | 'no-opinion'
  reason?: string
}

export interface Authorizer {
  authorize(attributes: Attributes): Decision | Promise<Decision>
}

/** What an authenticator needs of a request. Header names are in lower case. */
export interface Credentials {
  headers: Record<string, string | string[] | undefined>
  /** The HTTP method, where it is known. */
  method?: string
  /** The verified client certificate's subject, if the client showed one that our CA signed. */
  certificate?: { commonName: string; organizations: string[]; fingerprint: string }
  remoteAddress?: string
}

export interface Authenticator {
  /** The user; undefined when the request carries nothing this one understands. @throws {ApiError} Unauthorized when what it carries is wrong */
  authenticate(credentials: Credentials): User | undefined | Promise<User | undefined>
}

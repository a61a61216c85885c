import type { Kind } from '@thresher/api/kind'
import { Token } from '@thresher/api/auth/token'
import { User as LocalUser } from '@thresher/api/auth/user'
import type { AdmissionStep } from '../admission.ts'
import { clusterAdmission } from '../admission/steps.ts'
import { QuotaLedger } from '../admission/quota/quota-ledger.ts'
import type { Pki } from '../pki/ensure.ts'
import { valueAnswer } from '../request.ts'
import type { RouteHandler, SubresourceHandler } from '../subresource.ts'
import type { Authenticator, Authorizer } from '../user.ts'
import { BootstrapTokenAuthenticator, followBootstrapTokens } from './bootstrap-token/bootstrap-tokens.ts'
import { BearerTokenAuthenticator, BearerTokens } from './local/bearer-tokens.ts'
import { GuessLimiter } from './local/guess-limiter.ts'
import { LocalUsers, type FirstAdministrator } from './local/local-users.ts'
import { PasswordHasher } from './local/password.ts'
import { NodeAuthorizer } from './node/node-authorizer.ts'
import { NodeGraph } from './node/node-graph.ts'
import type { Objects } from './objects.ts'
import { EscalationCheck } from './rbac/escalation.ts'
import { followRbac } from './rbac/follow.ts'
import { AuthorizerChain, RbacAuthorizer } from './rbac/rbac-authorizer.ts'
import { RbacIndex } from './rbac/rbac-index.ts'
import { followAggregation, reconcileBootstrapPolicy } from './rbac/reconcile.ts'
import { reviewHandlers } from './reviews/reviews.ts'
import { followNodeRequests } from './certificates/node-approval.ts'
import { followSigningRequests } from './certificates/follow-requests.ts'
import { issuerConfiguration, issuerPaths } from './service-account/discovery-documents.ts'
import { TokenKeys } from './service-account/jwt.ts'
import { followTokenSecrets } from './service-account/legacy-secrets.ts'
import { followDefaultAccounts } from './service-account/default-accounts.ts'
import { followRootAuthority } from './service-account/root-authority.ts'
import { ServiceAccountAuthenticator } from './service-account/token-authenticator.ts'
import { TokenIssuer } from './service-account/token-issuer.ts'
import { tokenSubresource } from './service-account/token-subresource.ts'
import { X509Authenticator } from './x509.ts'

/** What security is set up with. */
export interface SecurityOptions {
  pki: Pick<Pki, 'ca' | 'serviceAccount'>
  /** `https://host:port` under which clients reach this server. */
  serverUrl: string
  /** Names under which the API server is known, which no node may have. */
  serverNames?: string[]
  /** The URL in the `iss` of service-account tokens; that of a Kubernetes cluster unless said. */
  issuer?: string
  /** Told of errors in background work. */
  onError?(error: unknown): void
}

/**
 * Who may what: everything that {@link ApiServer} is given for it, made from one place.
 *
 * Make it first and give its parts to the server; call {@link start} when the server's caches are filled. Until then nobody
 * but the holders of certificates in `system:masters` is allowed anything.
 */
export class Security {
  readonly kinds: Kind[] = [LocalUser, Token]
  readonly authenticators: Authenticator[]
  readonly authorizer: Authorizer
  readonly admission: AdmissionStep[]
  readonly subresources: SubresourceHandler[]
  readonly routes: RouteHandler[]
  readonly users: LocalUsers
  readonly tokens: BearerTokens
  readonly issuer: TokenIssuer
  readonly #index = new RbacIndex()
  readonly #graph = new NodeGraph()
  readonly #quota: QuotaLedger
  readonly #options: SecurityOptions
  readonly #stops: (() => void)[] = []
  #objects: Objects | undefined

  constructor(options: SecurityOptions) {
    this.#options = options
    const objects = () => this.#requireObjects()
    this.issuer = new TokenIssuer({
      issuer: options.issuer ?? 'https://kubernetes.default.svc.cluster.local',
      keys: new TokenKeys(options.pki.serviceAccount),
      objects,
    })
    this.tokens = new BearerTokens(objects)
    this.users = new LocalUsers({
      objects,
      tokens: this.tokens,
      hasher: new PasswordHasher(),
      guesses: new GuessLimiter(),
    })
    const byToken = [
      new BootstrapTokenAuthenticator(objects),
      new ServiceAccountAuthenticator(this.issuer),
      new BearerTokenAuthenticator(this.tokens),
    ]
    this.authenticators = [new X509Authenticator(), ...byToken]
    this.authorizer = new AuthorizerChain([new NodeAuthorizer(this.#graph, objects), new RbacAuthorizer(this.#index)])
    this.#quota = new QuotaLedger(objects, this.#onError)
    this.admission = clusterAdmission({
      objects,
      quota: this.#quota,
      graph: this.#graph,
      escalation: new EscalationCheck(this.#index, this.authorizer),
      authorizer: this.authorizer,
    })
    const sources = { authorizer: this.authorizer, index: this.#index, issuer: this.issuer, authenticators: byToken }
    this.subresources = [tokenSubresource(this.issuer, objects, this.#graph), ...reviewHandlers(sources)]
    this.routes = [
      {
        method: 'GET',
        path: issuerPaths.configuration.path,
        handle: async () => valueAnswer(200, issuerConfiguration(this.issuer, options.serverUrl)),
      },
      {
        method: 'GET',
        path: issuerPaths.keys.path,
        handle: async () => valueAnswer(200, this.issuer.keys.jwks(), issuerPaths.keys.contentType),
      },
    ]
  }

  /**
   * Follow the cluster's objects and bring in the bootstrap roles.
   *
   * @param objects read from the server's caches, written as a user of `system:masters`: {@link ApiServer.objects}
   * @param keepFirst takes the first administrator's password before the user is made
   * @returns the first administrator's name and password when there was no local user yet: to be shown once
   */
  async start(
    objects: Objects,
    keepFirst?: (first: FirstAdministrator) => Promise<void>,
  ): Promise<FirstAdministrator | undefined> {
    this.#objects = objects
    this.#stops.push(followRbac(this.#index, objects), this.#graph.follow(objects))
    await reconcileBootstrapPolicy(objects)
    const first = await this.users.ensureFirstAdministrator(keepFirst)
    this.#stops.push(
      followAggregation(objects, this.#onError),
      followDefaultAccounts(objects, this.#onError),
      followBootstrapTokens(objects, this.#onError),
      followNodeRequests(objects, new Set(this.#options.serverNames), this.#onError),
      followSigningRequests(objects, this.#options.pki.ca, this.#onError),
      followRootAuthority(objects, this.#options.pki.ca.cert, this.#onError),
      followTokenSecrets(objects, this.issuer, this.#options.pki.ca.cert, this.#onError),
      this.#quota.follow(objects),
    )
    await this.tokens.sweep()
    return first
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }

  readonly #onError = (error: unknown): void => {
    this.#options.onError?.(error)
  }

  #requireObjects(): Objects {
    if (!this.#objects) throw new Error('security was asked before it was started')
    return this.#objects
  }
}

import { isReason } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import type { Objects } from '../objects.ts'
import { secrets, serviceAccounts, type TokenIssuer } from './token-issuer.ts'

/** A Secret as far as tokens need it. */
export interface TokenSecret extends KubeObject {
  type?: string
  data?: Record<string, string>
}

const tokenType = 'kubernetes.io/service-account-token'
const nameAnnotation = 'kubernetes.io/service-account.name'
const uidAnnotation = 'kubernetes.io/service-account.uid'

/** What is to be done about a token Secret. */
export type SecretStep = { do: 'nothing' } | { do: 'delete' } | { do: 'update'; secret: TokenSecret }

/** The next step for a Secret that is to hold its account's token: fill it, or take it away when the account is gone. No I/O. */
function planTokenSecret(
  secret: TokenSecret,
  account: KubeObject | undefined,
  ca: string,
  issuer: TokenIssuer,
): SecretStep {
  const { metadata } = secret
  const named = metadata.annotations?.[nameAnnotation]
  if (secret.type !== tokenType || !named || metadata.deletionTimestamp) return { do: 'nothing' }
  const uid = metadata.annotations?.[uidAnnotation]
  if (!account || (uid !== undefined && uid !== '' && account.metadata.uid !== uid))
    return uid || account ? { do: 'delete' } : { do: 'nothing' }
  const base64 = (value: string) => Buffer.from(value).toString('base64')
  const namespace = metadata.namespace ?? ''
  const wanted = { 'ca.crt': base64(ca), namespace: base64(namespace) }
  const held = secret.data ?? {}
  const full = held.token && uid && Object.entries(wanted).every(([key, value]) => held[key] === value)
  if (full) return { do: 'nothing' }
  const token =
    held.token ??
    base64(issuer.issueLegacy({ namespace, name: named, uid: account.metadata.uid ?? '' }, metadata.name ?? ''))
  return {
    do: 'update',
    secret: {
      ...secret,
      metadata: { ...metadata, annotations: { ...metadata.annotations, [uidAnnotation]: account.metadata.uid ?? '' } },
      data: { ...held, ...wanted, token },
    },
  }
}

/** Keep all token Secrets filled, at every change of a Secret or account. @returns a function that stops it */
export function followTokenSecrets(
  objects: Objects,
  issuer: TokenIssuer,
  ca: string,
  onError: (error: unknown) => void,
): () => void {
  const reconcile = async (namespace: string, name: string): Promise<void> => {
    const secret = objects.get<TokenSecret>(secrets, namespace, name)
    if (!secret) return
    const account = objects.get(serviceAccounts, namespace, secret.metadata.annotations?.[nameAnnotation] ?? '')
    const step = planTokenSecret(secret, account, ca, issuer)
    if (step.do === 'update') await objects.update(secrets, step.secret)
    if (step.do === 'delete') await objects.delete(secrets, namespace, name)
  }
  // A conflict means that the Secret has changed: that change comes here as well.
  const run = (secret: KubeObject) =>
    setImmediate(() => {
      reconcile(secret.metadata.namespace ?? '', secret.metadata.name ?? '').catch((error: unknown) => {
        if (!isReason(error, 'Conflict', 'NotFound')) onError(error)
      })
    })
  const stops = [
    objects.follow<TokenSecret>(secrets, ({ object }) => {
      if (object?.type === tokenType) run(object)
    }),
    objects.follow(serviceAccounts, ({ object, previous }) => {
      const account = object ?? previous
      if (object && previous) return
      for (const secret of objects.list<TokenSecret>(secrets, account?.metadata.namespace))
        if (secret.type === tokenType && secret.metadata.annotations?.[nameAnnotation] === account?.metadata.name)
          run(secret)
    }),
  ]
  return () => stops.forEach((stop) => stop())
}

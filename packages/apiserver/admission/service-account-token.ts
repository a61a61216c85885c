import { randomBytes } from 'node:crypto'
import type { KubeObject } from '@thresher/api/meta'

interface Mount {
  name: string
  mountPath: string
  readOnly?: boolean
}
interface Container {
  volumeMounts?: Mount[]
}

/** What of a pod's spec the token concerns. */
export interface TokenSpec {
  automountServiceAccountToken?: boolean
  imagePullSecrets?: { name?: string }[]
  containers?: Container[]
  initContainers?: Container[]
  volumes?: { name: string }[]
}

/** What of a service account its pods take over. */
export interface TokenAccount extends KubeObject {
  automountServiceAccountToken?: boolean
  imagePullSecrets?: { name?: string }[]
}

/** Where programs in pods look for their token. @see https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/ */
const tokenPath = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * Give a new pod's containers the token of its account, the authority of the API and the name of the namespace, unless pod or account
 * opts out or a container has something at that path already.
 */
export function mountToken(spec: TokenSpec, account: TokenAccount | undefined): void {
  if (!(spec.automountServiceAccountToken ?? account?.automountServiceAccountToken ?? true)) return
  const without = [...(spec.initContainers ?? []), ...(spec.containers ?? [])].filter(
    ({ volumeMounts = [] }) => !volumeMounts.some(({ mountPath }) => mountPath === tokenPath),
  )
  if (without.length === 0) return
  const name = `kube-api-access-${suffix()}`
  for (const container of without)
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath: tokenPath }]
  spec.volumes = [...(spec.volumes ?? []), { name, ...tokenVolume }]
}

/** Secrets for images are the account's where the pod names none. */
export function takePullSecrets(spec: TokenSpec, account: TokenAccount | undefined): void {
  if (!spec.imagePullSecrets?.length && account?.imagePullSecrets?.length)
    spec.imagePullSecrets = account.imagePullSecrets.map(({ name }) => ({ name }))
}

const tokenVolume = {
  projected: {
    defaultMode: 0o644,
    sources: [
      // An hour and a little, as Kubernetes asks: by that the issuer knows tokens that may be renewed late.
      { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      {
        downwardAPI: {
          items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
        },
      },
    ],
  },
}

/** Five letters and digits that spell no words, as the names that the server makes. */
function suffix(): string {
  const letters = 'bcdfghjklmnpqrstvwxz2456789'
  return [...randomBytes(5)].map((byte) => letters[byte % letters.length]).join('')
}

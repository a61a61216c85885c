import { setTimeout as sleep } from 'node:timers/promises'
import { textInput } from '@thresher/api/action-call'
import { ApiError, isReason } from '@thresher/api/error'
import type { User as LocalUser } from '@thresher/api/auth/user'
import { effectiveValue } from '@thresher/api/harvester/settings/value'
import type { Secret } from '@thresher/api/core/secret'
import { formatKubeconfig } from '@thresher/apiserver/pki/kubeconfig'
import { textAnswer, type Answer } from '@thresher/apiserver/request'
import { json, readObject } from './answer.ts'
import { findSetting, type FacadeCall } from './context.ts'

const ttlSetting = 'kubeconfig-default-token-ttl-minutes'
const tokenWaitMs = 10_000

/** A kubeconfig with a new token of the caller. */
export async function generateKubeconfig(call: FacadeCall): Promise<Answer> {
  const user = call.parts
    .server()
    .objects.get<LocalUser>({ group: 'auth.thresher.io', plural: 'users' }, '', call.user.name)
  // The uid shows that he logged in as this very user; who only bears the name, or impersonates it, gets no token of his.
  if (!user || user.metadata.uid !== call.user.uid)
    throw new ApiError(
      'Forbidden',
      `${call.user.name} is no local user, so no token can be made; use your own credentials`,
    )
  const minutes = Number(effectiveValue(ttlSetting, findSetting(call, ttlSetting)))
  const options = { description: 'kubeconfig', ...(minutes > 0 ? { ttlMs: minutes * 60_000 } : {}) }
  const { token } = await call.parts.tokens.create(user, options)
  return json(200, { type: 'generateKubeconfigOutput', config: kubeconfig(call, 'local', token) })
}

/** A kubeconfig for the storage driver and cloud provider of a guest cluster: an account with two bound cluster roles. */
export async function accountKubeconfig(call: FacadeCall): Promise<Answer> {
  const input = { ...Object.fromEntries(call.request.query), ...readObject(call) }
  const namespace = textInput(input, 'namespace')
  const name = textInput(input, 'serviceAccountName')
  const role = textInput(input, 'clusterRoleName')
  const csiRole = typeof input.csiclusterRoleName === 'string' ? input.csiclusterRoleName : 'harvesterhci.io:csi-driver'
  const subjects = [{ kind: 'ServiceAccount', name, namespace }]
  const roleRef = (of: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: of })
  const rbac = '/apis/rbac.authorization.k8s.io/v1'
  const here = `namespaces/${encodeURIComponent(namespace)}`
  await ensure(call, `/api/v1/${here}/serviceaccounts`, { metadata: { name, namespace } })
  await ensure(call, `/api/v1/${here}/secrets`, {
    metadata: { name: `${name}-token`, namespace, annotations: { 'kubernetes.io/service-account.name': name } },
    type: 'kubernetes.io/service-account-token',
  })
  await ensure(call, `${rbac}/${here}/rolebindings`, {
    metadata: { name: `${namespace}-${name}`, namespace },
    roleRef: roleRef(role),
    subjects,
  })
  await ensure(call, `${rbac}/clusterrolebindings`, {
    metadata: { name: `${namespace}-${name}` },
    roleRef: roleRef(csiRole),
    subjects,
  })
  const token = await accountToken(call, namespace, `${name}-token`)
  const config = kubeconfig(call, name, token, namespace)
  return input.outputFormat === 'yaml' ? textAnswer(200, config, 'application/yaml') : json(200, config)
}

async function ensure(call: FacadeCall, path: string, body: unknown): Promise<void> {
  try {
    await call.api.request({ method: 'POST', path, body })
  } catch (error) {
    if (!isReason(error, 'AlreadyExists')) throw error
  }
}

/** The token in a Secret, once the server has put it there. */
async function accountToken(call: FacadeCall, namespace: string, name: string): Promise<string> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${encodeURIComponent(name)}`
  const until = Date.now() + tokenWaitMs
  for (;;) {
    const { data } = await call.api.request<Secret>({ method: 'GET', path })
    if (data?.token) return Buffer.from(data.token, 'base64').toString('utf8')
    if (Date.now() > until)
      throw new ApiError('Timeout', `no token appeared in the Secret ${namespace}/${name}; try again`)
    await sleep(50, undefined, { signal: call.request.signal })
  }
}

/** A kubeconfig for this server. */
function kubeconfig(call: FacadeCall, name: string, token: string, namespace?: string): string {
  return formatKubeconfig({ server: call.origin, ca: call.parts.ca, name, token, ...(namespace ? { namespace } : {}) })
}

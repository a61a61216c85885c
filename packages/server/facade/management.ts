import { ApiError } from '@thresher/api/error'
import { effectiveValue } from '@thresher/api/harvester/settings/value'
import type { User as LocalUser } from '@thresher/api/auth/user'
import type { Answer } from '@thresher/apiserver/request'
import { json } from './answer.ts'
import { findSetting, isKnown, type FacadeCall } from './context.ts'
import { generateKubeconfig } from './kubeconfig.ts'

type Item = Record<string, unknown> & { id: string }

/** Settings that dashboards read under Rancher's name, most of them before anyone has logged in. */
function settings(call: FacadeCall): Item[] {
  const version = effectiveValue('server-version', findSetting(call, 'server-version'))
  const open: Record<string, string> = {
    'first-login': 'false',
    'ui-pl': 'Thresher',
    'ui-brand': '',
    'ui-favicon': '',
    'ui-banners': '{}',
    'ui-offline-preferred': 'true',
    'ui-issues': '',
    'ui-community-links': 'false',
    'eula-agreed': 'true',
    'telemetry-opt': 'out',
    'password-min-length': '12',
    'auth-user-session-ttl-minutes': '960',
  }
  const closed: Record<string, string> = {
    'server-version': version,
    'server-url': call.origin,
    cacerts: call.parts.ca,
  }
  return Object.entries(isKnown(call.user) ? { ...open, ...closed } : open).map(([id, value]) =>
    item(call, 'setting', id, { value, default: '', customized: false, source: '' }),
  )
}

function features(call: FacadeCall): Item[] {
  return ['multi-cluster-management', 'fleet', 'harvester', 'rke2'].map((id) =>
    item(call, 'feature', id, { spec: { value: id === 'harvester' }, status: { default: false, dynamic: false } }),
  )
}

function clusters(call: FacadeCall): Item[] {
  const version = effectiveValue('server-version', findSetting(call, 'server-version'))
  const self = `${call.origin}/v1/management.cattle.io.clusters/local`
  return [
    {
      ...item(call, 'cluster', 'local', {
        spec: { displayName: 'local', internal: true },
        status: {
          provider: 'harvester',
          driver: 'imported',
          version: { gitVersion: version },
          conditions: [{ type: 'Ready', status: 'True' }],
        },
      }),
      actions: { generateKubeconfig: `${self}?action=generateKubeconfig` },
    },
  ]
}

/** The caller, in the shape of a user object. */
export function selfUser(call: FacadeCall): Item {
  const { name } = call.user
  const stored = call.parts.server().objects.get<LocalUser>({ group: 'auth.thresher.io', plural: 'users' }, '', name)
  return item(call, 'user', name, {
    username: name,
    displayName: stored?.spec?.displayName ?? name,
    enabled: true,
    mustChangePassword: stored?.spec?.mustChangePassword ?? false,
    principalIds: [`local://${name}`],
    me: true,
  })
}

function item(call: FacadeCall, type: string, id: string, fields: Record<string, unknown>): Item {
  const self = `${call.origin}/v1/management.cattle.io.${type}s/${encodeURIComponent(id)}`
  const state = { name: 'active', error: false, transitioning: false, message: '' }
  const kind = `${type[0]?.toUpperCase()}${type.slice(1)}`
  return {
    id,
    type: `management.cattle.io.${type}`,
    links: { self, view: self },
    apiVersion: 'management.cattle.io/v3',
    kind,
    metadata: { name: id, fields: [id], relationships: [], state },
    ...fields,
  }
}

const collections: Record<string, (call: FacadeCall) => Item[]> = {
  settings,
  features,
  clusters,
  users: (call) => [selfUser(call)],
}

/** The few objects of Rancher's management API that dashboards look for; `undefined` for paths that are none of them. */
export async function handleManagement(call: FacadeCall): Promise<Answer | undefined> {
  const [type = '', id] = call.path
  const name = /^management\.cattle\.io\.(settings?|features?|clusters?|users?)$/.exec(type)?.[1]?.replace(/s?$/, 's')
  const collection = name === undefined ? undefined : collections[name]
  if (!collection) return undefined
  if (name !== 'settings' && !isKnown(call.user)) throw new ApiError('Unauthorized', 'log in first')
  const { method, query } = call.request
  if (method === 'POST' && name === 'clusters' && id === 'local' && query.get('action') === 'generateKubeconfig')
    return generateKubeconfig(call)
  if (method !== 'GET') throw new ApiError('MethodNotAllowed', `${method} is not possible here`)
  const data = collection(call)
  if (id === undefined) {
    const links = { self: `${call.origin}/v1/${type}` }
    return json(200, {
      type: 'collection',
      resourceType: data[0]?.type,
      links,
      actions: {},
      revision: '1',
      count: data.length,
      data,
    })
  }
  const found = data.find((one) => one.id === id)
  if (!found) throw new ApiError('NotFound', `there is no ${type} ${JSON.stringify(id)}`)
  return json(200, found)
}

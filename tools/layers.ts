/**
 * Which package may import which: an arrow only ever points down. The table is the rule; `check-layers.ts` holds the code to it.
 *
 * `only` narrows an import to some of the other package's modules: the generic machinery may use Kubernetes' own kinds, never ours.
 */
export interface Layer {
  folder: string
  mayImport: Import[]
  /** Runs in a browser as well, but for what stands below the folders named here. */
  browser?: { but: string[] }
}

/** A package that may be imported, or only some of its modules. */
export interface Import {
  name: string
  only?: RegExp
}

/** Kubernetes' own groups, local users, and the contracts: what a server that knows no kind of ours may still name. */
const generic =
  /^@thresher\/api\/(kind|meta|error|describe|failure-words|bare-words|same|quantity|jsonpath|ip|inner-formats|(core|protobuf|rbac|auth|authentication|certificates|authorization|apiextensions|coordination|apiregistration|admissionregistration|events|policy|scheduling|storage|autoscaling)\/[a-z0-9-]+)$/

const api = { name: '@thresher/api' }
const client = { name: '@thresher/client' }
const ovsdb = { name: '@thresher/ovsdb' }
const controllers = { name: '@thresher/controllers' }
const apiserver = { name: '@thresher/apiserver' }
const server = { name: '@thresher/server' }
const agent = { name: '@thresher/agent' }
const lab = { name: '@thresher/lab' }
const cli = { name: '@thresher/cli' }
const backup = { name: '@thresher/backup' }
const dashboard = { name: '@thresher/dashboard' }

/** What both programs do the same way: guard their connections, ask for certificates, keep secrets in files. */
const shared =
  /^@thresher\/apiserver\/(limits\/connection-guard|pki\/(certificate-request|certificate|kubeconfig|private-file))$/

/** Controllers make the key that hosts encrypt with; what is kept with it is none of theirs. */
const recoveryKey = /^@thresher\/backup\/format\/repository-key$/

export const layers: Layer[] = [
  { folder: 'packages/api', mayImport: [], browser: { but: [] } },
  { folder: 'packages/ovsdb', mayImport: [] },
  { folder: 'packages/backup', mayImport: [{ ...api, only: /^@thresher\/api\/(matches|type)$/ }] },
  { folder: 'packages/client', mayImport: [{ ...api, only: generic }], browser: { but: ['packages/client/node'] } },
  { folder: 'packages/apiserver', mayImport: [{ ...api, only: generic }] },
  { folder: 'packages/controllers', mayImport: [api, client, ovsdb, { ...backup, only: recoveryKey }] },
  { folder: 'packages/agent', mayImport: [api, backup, client, ovsdb, { ...apiserver, only: shared }] },
  { folder: 'packages/lab', mayImport: [api, client] },
  {
    folder: 'packages/dashboard',
    mayImport: [api, client],
    browser: { but: ['packages/dashboard/node'] },
  },
  { folder: 'packages/server', mayImport: [api, client, apiserver, controllers] },
  { folder: 'packages/cli', mayImport: [api, backup, client, server, agent, lab] },
  { folder: 'bench', mayImport: [api, client, apiserver, controllers, server, agent, lab, ovsdb, cli, backup] },
  {
    folder: 'tests',
    mayImport: [api, client, apiserver, controllers, server, agent, lab, ovsdb, cli, dashboard, backup],
  },
  { folder: 'tools', mayImport: [] },
]

/** Tests may reach the packages beside them, so that a contract is tried on the real other side. */
export const testsMayAlsoImport: Import[] = [api, client, apiserver, controllers, server, lab, ovsdb]

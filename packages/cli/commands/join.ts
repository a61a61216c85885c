import { JoinError, joinCluster, keepMembership, type Membership } from '@thresher/agent/identity/join'
import { parseJoinToken, type JoinToken } from '@thresher/agent/identity/join-token'
import type { Command, Context } from '../command.ts'
import { prepareHost, requireRoot } from '../host/installation.ts'
import { lockInstallation } from '../host/lock.ts'
import { keepSettings } from '../host/settings.ts'
import { Progress } from '../output/progress.ts'
import { filesOf } from '../paths.ts'
import { UserError } from '../user-error.ts'
import { clusterOf } from '@thresher/server/known-store'
import { installMissing, settingsFrom, startPrograms, upOptions } from './up.ts'

const ownOptions = ['--node-name', '--agent-port', '--services', '--tunnel-device']

/** `thresher join`: this host as a further one of a cluster. */
export const join: Command = {
  path: ['join'],
  summary: 'Make this host a further one of a cluster',
  arguments: [{ name: 'server', description: 'where the cluster’s API is: https://host:6443' }],
  options: [
    { flags: '--token <token>', description: 'what "thresher token create" shows on a host of the cluster' },
    ...upOptions.filter(({ flags }) => ownOptions.some((name) => flags.startsWith(name))),
  ],
  examples: ['thresher join https://192.0.2.10:6443 --token abcdef.0123456789abcdef.<hash>'],
  async run(context, [given = ''], options) {
    requireRoot('thresher join')
    const { paths, signal } = context
    const server = serverOf(given)
    const token = parseJoinToken(String(options['token'] ?? ''))
    if (!token) throw new UserError('--token must be what "thresher token create" showed on a host of the cluster.')
    const settings = settingsFrom(context, options)
    if (settings.cluster !== undefined) {
      const what = settings.role === 'worker' ? `is a worker of ${settings.server} already` : 'has a cluster of its own'
      throw new UserError(`this host ${what}; start it with thresher up, or give it up with thresher down --purge.`)
    }
    const progress = new Progress()
    await installMissing(signal, progress)
    await prepareHost(paths)
    using lock = lockInstallation(paths, 'thresher join')
    void lock
    const { ca, guestSubnet } = await become(context, { server, token, node: settings.nodeName }, progress)
    const kept = { ...settings, role: 'worker' as const, server, guestSubnet, cluster: clusterOf(ca) }
    keepSettings(paths, kept)
    await startPrograms(paths, kept, progress)
    console.log(`${kept.nodeName} is a node of the cluster at ${server}.`)
  },
}

/** Get the node's certificates and keep them. @throws {UserError} with the cluster's sentence */
async function become(
  { paths, signal }: Context,
  { server, token, node }: { server: string; token: JoinToken; node: string },
  progress: Progress,
): Promise<Membership> {
  let membership: Membership | undefined
  await progress.step('Join the cluster', async () => {
    try {
      membership = await joinCluster(server, token, node, signal)
    } catch (error) {
      throw error instanceof JoinError ? new UserError(error.message, { cause: error }) : error
    }
    await keepMembership(filesOf(paths).agentData, node, server, membership)
  })
  return membership!
}

function serverOf(given: string): string {
  const text = given.includes('://') ? given : `https://${given}`
  if (!URL.canParse(text) || new URL(text).protocol !== 'https:')
    throw new UserError(`${given} is not where an API is, such as https://192.0.2.10:6443.`)
  return new URL(text).origin
}

import { isIP, parseRange } from '../../ip.ts'
import type { SettingDeclaration } from './declaration.ts'
import { flagField, isWebAddress, jsonObject, numberField } from './checks.ts'

const hostname = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/i

/** What is wrong with a network that is set apart for one purpose: VLAN, cluster network and address range. */
function checkDedicatedNetwork(network: Record<string, unknown>): string[] {
  const errors = numberField(network, 'vlan', 0, 4094)
  if (Object.keys(network).length === 0) return []
  if (typeof network.clusterNetwork !== 'string' || network.clusterNetwork === '')
    errors.push('clusterNetwork must name a cluster network')
  const range = typeof network.range === 'string' ? parseRange(network.range) : undefined
  if (!range) errors.push('range must be an address range, such as 192.168.0.0/24')
  else if (range.family === 4 && range.prefix < 16) errors.push('range must have a prefix length of at least 16')
  const excluded = network.exclude ?? []
  if (!Array.isArray(excluded) || !excluded.every((part) => typeof part === 'string' && parseRange(part) !== undefined))
    errors.push('exclude must be a list of address ranges, such as ["192.168.0.0/28"]')
  return errors
}

/** Settings about networks and what is reached over them. */
export const networkSettings: SettingDeclaration[] = [
  {
    name: 'http-proxy',
    default: '{}',
    about: 'The proxy through which the cluster reaches the outside.',
    check: jsonObject((proxy) => [
      ...['httpProxy', 'httpsProxy']
        .filter((name) => proxy[name] && !(typeof proxy[name] === 'string' && isWebAddress(proxy[name])))
        .map((name) => `${name} must be a URL that begins with http:// or https://`),
      ...(proxy.noProxy === undefined || typeof proxy.noProxy === 'string'
        ? []
        : ['noProxy must be text: addresses, ranges and domains with commas between']),
    ]),
  },
  {
    name: 'ntp-servers',
    default: '',
    about: 'The servers from which hosts get the time.',
    check: jsonObject(({ ntpServers }) => {
      if (!Array.isArray(ntpServers)) return ['ntpServers must be a list, such as {"ntpServers":["0.pool.ntp.org"]}']
      const seen = new Set<unknown>()
      return ntpServers.flatMap((server: unknown) => {
        if (typeof server !== 'string') return [`invalid NTP server: ${JSON.stringify(server)}`]
        if (/^https?:\/\//.test(server)) return [`ntp server ${server} should not start with http:// or https://`]
        if (seen.has(server)) return [`duplicate NTP server: ${server}`]
        seen.add(server)
        return isIP(server) || hostname.test(server) ? [] : [`invalid NTP server: ${server}`]
      })
    }),
  },
  {
    name: 'storage-network',
    default: '',
    about: 'A network of its own for the replication of volumes.',
    check: jsonObject(checkDedicatedNetwork),
  },
  {
    name: 'vm-migration-network',
    default: '',
    about: 'A network of its own for live migrations.',
    check: jsonObject(checkDedicatedNetwork),
  },
  {
    name: 'rwx-network',
    default: '{"share-storage-network":false}',
    about: 'The network over which volumes are shared between several machines.',
    check: jsonObject((network) => [
      ...flagField(network, 'share-storage-network'),
      ...('network' in network && typeof network.network === 'object' && network.network !== null
        ? checkDedicatedNetwork(network.network as Record<string, unknown>)
        : []),
    ]),
  },
  { name: 'vip-pools', default: '', about: 'Former address pools of load balancers; IPPool objects take their place.' },
]

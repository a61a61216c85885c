import { hostname } from 'node:os'
import { parseArgs } from 'node:util'

/** What the server is started with. */
export interface ServerConfig {
  /** The server's own folder, readable by nobody else. */
  dataDir: string
  /** Where the network engines' sockets are. */
  runDir: string
  listen: { host: string; port: number }
  /** The node on this host, for which an agent's credentials are made. */
  nodeName: string
  /** The guests' management network, as a CIDR. */
  guestSubnet: string
  /** Further names and addresses under which clients reach the server. */
  names: string[]
  /** The cluster that this installation held before, if any: see `clusterOf`. */
  cluster?: string
  /** etcd's endpoints, `https://host:2379`; the embedded SQLite store when there are none. */
  etcd: string[]
  /** PEM files by which etcd and this server know each other; for https endpoints. */
  etcdTls?: { ca: string; cert: string; key: string }
}

const help = `Usage: thresher server [options]

  --data-dir <folder>       the server's own folder (default /var/lib/thresher/server)
  --run-dir <folder>        where the network engines' sockets are (default /run/thresher)
  --listen <address:port>   where the API listens (default 0.0.0.0:6443)
  --node-name <name>        the node on this host (default: the host name)
  --guest-subnet <cidr>     the guests' management network (default 10.52.0.0/16)
  --name <name>             a further name or address of the server; may be repeated
  --cluster <fingerprint>   the cluster that was here before; a server without its objects refuses to start
  --etcd <url>              keep the objects in etcd instead of SQLite; may be repeated
  --etcd-ca, --etcd-cert, --etcd-key <file>
                            the authority, certificate and key for https endpoints of etcd
`

/** Read the command line. @throws {Error} with one sentence; undefined when only help was asked for */
export function readConfig(args: string[]): ServerConfig | undefined {
  const { values } = parseArgs({
    args,
    options: {
      'data-dir': { type: 'string', default: '/var/lib/thresher/server' },
      'run-dir': { type: 'string', default: '/run/thresher' },
      listen: { type: 'string', default: '0.0.0.0:6443' },
      'node-name': { type: 'string', default: hostname().split('.')[0]!.toLowerCase() },
      'guest-subnet': { type: 'string', default: '10.52.0.0/16' },
      name: { type: 'string', multiple: true, default: [] },
      cluster: { type: 'string' },
      etcd: { type: 'string', multiple: true, default: [] },
      'etcd-ca': { type: 'string' },
      'etcd-cert': { type: 'string' },
      'etcd-key': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    return undefined
  }
  const [ca, cert, key] = [values['etcd-ca'], values['etcd-cert'], values['etcd-key']]
  if (values.etcd.some((url) => url.startsWith('https:')) && !(ca && cert && key))
    throw new Error('etcd over https needs --etcd-ca, --etcd-cert and --etcd-key')
  const match = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(values.listen)
  if (!match) throw new Error(`--listen ${values.listen} is not address:port, such as 0.0.0.0:6443`)
  return {
    dataDir: values['data-dir'],
    runDir: values['run-dir'],
    listen: { host: match[1]!, port: Number(match[2]) },
    nodeName: values['node-name'],
    guestSubnet: values['guest-subnet'],
    names: values.name,
    ...(values.cluster ? { cluster: values.cluster } : {}),
    etcd: values.etcd,
    ...(ca && cert && key ? { etcdTls: { ca, cert, key } } : {}),
  }
}

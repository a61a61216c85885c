import { join } from 'node:path'
import type { Endpoint } from '@thresher/ovsdb/endpoint'
import type { EngineStatus } from './network-driver.ts'

/** A database that an engine serves. */
export interface EngineDatabase {
  file: string
  /** A file in the schema folder of its Debian package. */
  schema: string
  socket: string
  /** Which group, beside root, may use the socket. */
  group?: number
}

/** One daemon: how it is started, found again and ended. */
export interface EngineSpec {
  name: EngineStatus['name']
  program: string
  args: string[]
  pidFile: string
  /** Its control socket; `%p` stands for its process id. */
  control: string
  logFile: string
  database?: EngineDatabase
  /** Ends it and takes what it made in the kernel along. */
  exit: string
  /** As nice(2) has it; what forwards packets goes before what computes. */
  priority: number
}

/** Where the databases of the whole cluster are: on this host, or on those that the endpoints name. */
export type Central =
  | {
      /** The group that may write the northbound database: that of the server's user. */
      serverGroup?: number
    }
  | { southbound: Endpoint[]; tls: TlsPaths }

/** PEM files by which this host and the southbound database's hosts know each other. Engines read them again when they change. */
export interface TlsPaths {
  ca: string
  cert: string
  key: string
}

export interface EngineOptions {
  /** Keeps the databases. */
  dataDir: string
  /** Sockets and pid files; must be short, a socket's path has at most 107 characters. */
  runDir: string
  logDir: string
  central: Central
  /** `/usr/share/openvswitch` and `/usr/share/ovn` unless given. */
  schemaDirs?: { switch: string; central: string }
}

/** Where the engines of a run folder can be reached. */
export function socketsIn(runDir: string): { switch: string; northbound: string; southbound: string } {
  return {
    switch: join(runDir, 'db.sock'),
    northbound: join(runDir, 'nb.sock'),
    southbound: join(runDir, 'sb.sock'),
  }
}

function engine(
  options: EngineOptions,
  name: EngineSpec['name'],
  program: string,
  args: string[],
  more: Partial<EngineSpec> = {},
): EngineSpec {
  const pidFile = join(options.runDir, `${name}.pid`)
  // ovn-controller chooses the name of its socket itself (it has no option for it before OVN 23.06).
  const ownSocket = name === 'ovn-controller'
  const control = join(options.runDir, ownSocket ? 'ovn-controller.%p.ctl' : `${name}.ctl`)
  const logFile = join(options.logDir, `${name}.log`)
  const common = [`--pidfile=${pidFile}`, '--detach', `--log-file=${logFile}`, '-vconsole:off', '-vsyslog:off']
  return {
    name,
    program,
    args: [...args, ...common, ...(ownSocket ? [] : [`--unixctl=${control}`])],
    pidFile,
    control,
    logFile,
    exit: 'exit',
    priority: 0,
    ...more,
  }
}

/** The database servers: the switch's own, and on a host with the central databases those too. */
export function databaseSpecs(options: EngineOptions): EngineSpec[] {
  const { dataDir, runDir, central } = options
  const sockets = socketsIn(runDir)
  const schemas = options.schemaDirs ?? { switch: '/usr/share/openvswitch', central: '/usr/share/ovn' }
  const server = (name: EngineSpec['name'], database: EngineDatabase) =>
    engine(options, name, 'ovsdb-server', [database.file, `--remote=punix:${database.socket}`], { database })
  const own = server('ovsdb-server', {
    file: join(dataDir, 'conf.db'),
    schema: join(schemas.switch, 'vswitch.ovsschema'),
    socket: sockets.switch,
  })
  if ('southbound' in central) return [own]
  const northbound = {
    file: join(dataDir, 'nb.db'),
    schema: join(schemas.central, 'ovn-nb.ovsschema'),
    socket: sockets.northbound,
    group: central.serverGroup,
  }
  const southbound = {
    file: join(dataDir, 'sb.db'),
    schema: join(schemas.central, 'ovn-sb.ovsschema'),
    socket: sockets.southbound,
  }
  return [own, server('ovn-nb', northbound), server('ovn-sb', southbound)]
}

/** The daemons that work on the databases: the switch, OVN's controller of this host, and OVN's translator beside the central databases. */
export function daemonSpecs(options: EngineOptions, datapath: 'kernel' | 'userspace'): EngineSpec[] {
  const sockets = socketsIn(options.runDir)
  const { central } = options
  const tls =
    'southbound' in central
      ? [`--private-key=${central.tls.key}`, `--certificate=${central.tls.cert}`, `--ca-cert=${central.tls.ca}`]
      : []
  const own = [
    engine(
      options,
      'ovs-vswitchd',
      'ovs-vswitchd',
      [`unix:${sockets.switch}`, ...(datapath === 'kernel' ? [] : ['--disable-system'])],
      { exit: 'exit --cleanup', priority: -10 },
    ),
    engine(options, 'ovn-controller', 'ovn-controller', [`unix:${sockets.switch}`, ...tls]),
  ]
  if ('southbound' in options.central) return own
  const northd = [`--ovnnb-db=unix:${sockets.northbound}`, `--ovnsb-db=unix:${sockets.southbound}`]
  return [...own, engine(options, 'ovn-northd', 'ovn-northd', northd)]
}

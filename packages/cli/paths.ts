import { join } from 'node:path'

/** Where this installation keeps its things. */
export interface Paths {
  /** The checkout, with node_modules beside packages. */
  app: string
  /** What must survive a reboot. */
  dataDir: string
  /** Sockets and pid files: gone with a reboot. */
  runDir: string
}

/** The paths that users and the other commands rely on. */
export function filesOf({ dataDir, runDir }: Pick<Paths, 'dataDir' | 'runDir'>) {
  return {
    adminKubeconfig: join(dataDir, 'admin.kubeconfig'),
    serverData: join(dataDir, 'server'),
    serverBootstrap: join(dataDir, 'server', 'bootstrap'),
    agentData: join(dataDir, 'agent'),
    agentKubeconfig: join(dataDir, 'agent', 'agent.kubeconfig'),
    logs: join(dataDir, 'log'),
    log: (name: string) => join(dataDir, 'log', `${name}.log`),
    agentReady: join(runDir, 'agent.ready'),
    pid: (name: string) => join(runDir, `${name}.pid`),
    /** Below a folder that only the server's user may enter. */
    appMount: join(runDir, 'app', 'code'),
    supervisorReport: join(runDir, 'supervisor.json'),
    /** Held by whoever changes what runs here; beside it stands who that is. */
    lock: join(dataDir, 'lock.db'),
    settings: join(dataDir, 'settings.json'),
    cli: join(dataDir, 'cli'),
  }
}

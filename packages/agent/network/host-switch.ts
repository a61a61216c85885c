import { Database } from '@thresher/ovsdb/database'
import type { Operation } from '@thresher/ovsdb/schema'
import { socketsIn } from './engine-specs.ts'
import { NetworkError } from './network-driver.ts'
import { switchDatabase, type SwitchTables } from './switch-database.ts'

/** The host's Open_vSwitch database, and the switch that follows it. */
export class HostSwitch {
  readonly #runDir: string
  #database: Database<SwitchTables> | undefined

  constructor(runDir: string) {
    this.#runDir = runDir
  }

  /** Begin to follow the database. */
  open(): Database<SwitchTables> {
    this.#database ??= new Database({
      schema: switchDatabase,
      endpoints: [`unix:${socketsIn(this.#runDir).switch}`],
      backoffMs: { first: 20, most: 500 },
    })
    return this.#database
  }

  /** The database, whether or not it answers now. @throws {NetworkError} `Closed` before {@link open} */
  get database(): Database<SwitchTables> {
    if (!this.#database) throw new NetworkError('Closed', 'the network is not started')
    return this.#database
  }

  get connected(): boolean {
    return this.#database?.connected ?? false
  }

  /** Carry out operations and wait until the switch has followed them. */
  async apply(operations: readonly Operation[], signal: AbortSignal): Promise<void> {
    const { database } = this
    const root = () => [...database.rows('Open_vSwitch').values()][0]
    const next = (root()?.next_cfg ?? 0) + 1
    await database.transact([...operations, switchDatabase.update('Open_vSwitch', {}, { next_cfg: next })], signal)
    await database.until(() => ((root()?.cur_cfg ?? 0) >= next ? true : undefined), signal)
  }

  async close(): Promise<void> {
    await this.#database?.close()
    this.#database = undefined
  }
}

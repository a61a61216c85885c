import { prune } from '@thresher/backup/repository/prune'
import type { Context } from '@thresher/client/controller'
import { openRepository } from './repository.ts'

/**
 * Gives back, in the background, what deleted backups took at the target: one at a time, and once more when more was deleted
 * meanwhile. What a dead agent left goes with the next deletion.
 */
export class Pruning {
  readonly #folder: string
  #running = false
  #again = false

  constructor(folder: string) {
    this.#folder = folder
  }

  start(context: Context): void {
    this.#again = true
    if (!this.#running) void this.#run(context)
  }

  async #run({ client, signal, log }: Context): Promise<void> {
    this.#running = true
    try {
      while (this.#again) {
        this.#again = false
        await using open = await openRepository(client, this.#folder, signal)
        const { deleted, refused } = await prune(open.repository, { signal })
        log(
          'info',
          `pruned the backup target: ${deleted} blocks${refused.length > 0 ? `, ${refused.length} backups that were not whole` : ''}`,
        )
      }
    } catch (error) {
      if (!signal.aborted) log('warn', `the backup target was not pruned: ${(error as Error).message}`)
    } finally {
      this.#running = false
    }
  }
}

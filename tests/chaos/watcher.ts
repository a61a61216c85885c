import { setTimeout as delay } from 'node:timers/promises'
import { ConfigMap } from '@thresher/api/core/config-map'
import { isReason } from '@thresher/api/error'
import type { Client } from '@thresher/client/client'

/** Follows the ConfigMaps of a namespace over all interruptions, as a controller does, and keeps what it saw of each. */
export class Watcher {
  /** By name: the numbers that it had, in the order in which they were seen. */
  readonly seen = new Map<string, number[]>()
  /** How often the history was lost, so that changes between may have been missed rightly. */
  gaps = 0
  readonly #stop = new AbortController()
  readonly #running: Promise<void>

  constructor(client: Client, namespace: string) {
    this.#running = this.#follow(client, namespace)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #follow(client: Client, namespace: string): Promise<void> {
    const maps = client.resource<ConfigMap>(ConfigMap)
    const { signal } = this.#stop
    let from: string | undefined
    while (!signal.aborted) {
      try {
        if (from === undefined) {
          const list = await maps.list({ namespace, signal })
          for (const map of list.items) this.#note(map)
          from = list.metadata.resourceVersion
        }
        for await (const { type, object } of maps.watch({ namespace, resourceVersion: from, signal })) {
          from = object.metadata.resourceVersion
          if (type === 'ADDED' || type === 'MODIFIED') this.#note(object)
        }
      } catch (error) {
        if (isReason(error, 'Expired', 'Gone')) {
          this.gaps++
          from = undefined
        }
        await delay(50, undefined, { signal }).catch(() => {})
      }
    }
  }

  #note({ metadata, data }: ConfigMap): void {
    const number = Number(data?.['number'])
    if (!number) return
    const name = metadata.name ?? ''
    const numbers = this.seen.get(name) ?? []
    if (numbers.at(-1) !== number) this.seen.set(name, [...numbers, number])
  }
}

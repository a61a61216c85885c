import { effectiveJson } from '@thresher/api/harvester/settings/value'
import type { Client } from '@thresher/client/client'
import { readSetting } from '../read-setting.ts'
import { DriverError, type Room, type VolumeDriver, type VolumeId } from './volume-driver.ts'

/** What is promised on a host: volumes take only what is written, so the sum of their sizes may exceed the disk, to a limit. */
export interface Promises extends Room {
  /** The sizes of all volumes together, as their guests see them. */
  promisedBytes: number
  /** How much of the disk may be promised, in per cent: more than 100 counts on volumes not being full. */
  percent: number
}

/** Bytes that a volume may not take from the host: below them nothing new is promised. */
const reserveBytes = 256 * 1024 * 1024
const overcommitSetting = 'overcommit-config'

/** Why so many bytes more cannot be promised, in a sentence; undefined when they can. */
export function promiseRefusal(subject: string, more: number, now: Promises): string | undefined {
  const { totalBytes, freeBytes, promisedBytes, percent } = now
  const most = Math.floor((totalBytes * percent) / 100)
  const gib = (bytes: number) => `${(bytes / 1024 ** 3).toFixed(1)} GiB`
  if (freeBytes < reserveBytes)
    return `${subject} needs room to grow, and only ${gib(freeBytes)} of this host's disk are free: delete volumes or images`
  if (promisedBytes + more <= most) return undefined
  return `${subject} needs ${gib(more)} more, but of this host's disk of ${gib(totalBytes)} at most ${percent} % may be promised (${gib(most)}) and ${gib(promisedBytes)} are: delete volumes, or raise storage in the setting ${overcommitSetting}`
}

/** How large a new volume may be at most. */
export function promisableBytes({ totalBytes, freeBytes, promisedBytes, percent }: Promises): number {
  if (freeBytes < reserveBytes) return 0
  return Math.max(0, Math.min(totalBytes, Math.floor((totalBytes * percent) / 100) - promisedBytes))
}

/** Counts what is promised, what is just being made included. */
export class PromisedSpace {
  readonly #driver: VolumeDriver
  /** By volume: what it grows by, while it is not yet to be seen in its file. */
  readonly #pending = new Map<VolumeId, number>()

  constructor(driver: VolumeDriver) {
    this.#driver = driver
  }

  /**
   * Promise a volume so many bytes, until disposed of: by then it is made, or has failed.
   *
   * @throws {DriverError} `NoSpace` beyond the limit
   */
  async promise(volume: VolumeId, bytes: number, client: Client): Promise<Disposable> {
    const percent = await storagePercent(client)
    const [room, existing] = await Promise.all([this.#driver.room(), this.#driver.inspect(volume)])
    const made = await this.#madeBytes()
    // From here on nothing waits, so two never get the same room.
    const promisedBytes = made + [...this.#pending.values()].reduce((sum, one) => sum + one, 0)
    const more = bytes - (existing?.bytes ?? 0)
    const refusal = more > 0 ? promiseRefusal(`volume ${volume}`, more, { ...room, promisedBytes, percent }) : undefined
    if (refusal) throw new DriverError('NoSpace', refusal)
    this.#pending.set(volume, Math.max(0, more))
    return { [Symbol.dispose]: () => void this.#pending.delete(volume) }
  }

  /** How it stands now. */
  async now(client: Client): Promise<Promises> {
    const [percent, room, made] = await Promise.all([storagePercent(client), this.#driver.room(), this.#madeBytes()])
    const pending = [...this.#pending.values()].reduce((sum, one) => sum + one, 0)
    return { ...room, promisedBytes: made + pending, percent }
  }

  async #madeBytes(): Promise<number> {
    let sum = 0
    for (const bytes of (await this.#driver.sizes()).values()) sum += bytes
    return sum
  }
}

async function storagePercent(client: Client): Promise<number> {
  const setting = await readSetting(client, overcommitSetting)
  const declared = effectiveJson(overcommitSetting, undefined)['storage']
  const { storage = declared } = effectiveJson(overcommitSetting, setting)
  return typeof storage === 'number' ? storage : 100
}

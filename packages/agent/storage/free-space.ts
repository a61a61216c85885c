import { statfs } from 'node:fs/promises'

/** Watches, while a file grows, that the disk keeps room for the host. */
export class FreeSpace {
  readonly #folder: string
  readonly #reserveBytes: number
  #unchecked = 0

  constructor(folder: string, reserveBytes: number) {
    this.#folder = folder
    this.#reserveBytes = reserveBytes
  }

  /** Whether so many bytes more fit, and how many are free. */
  async check(bytes: number): Promise<{ fits: boolean; freeBytes: number }> {
    const { bavail, bsize } = await statfs(this.#folder)
    const freeBytes = bavail * bsize
    return { fits: freeBytes >= bytes + this.#reserveBytes, freeBytes }
  }

  /** Count what was written; looks at the disk now and then. @returns false when there is no room for more */
  async wrote(bytes: number): Promise<boolean> {
    this.#unchecked += bytes
    if (this.#unchecked < checkEveryBytes) return true
    this.#unchecked = 0
    return (await this.check(0)).fits
  }
}

const checkEveryBytes = 32 * 1024 * 1024

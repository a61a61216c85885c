import { checkKey, type ListedObject, type ObjectStore } from './object-store.ts'

/** Objects in memory, for tests: strongly consistent, as S3 is. A listing is of the keys that stood when each page was read. */
export class MemoryObjects implements ObjectStore {
  readonly objects = new Map<string, Buffer>()

  async put(key: string, body: Uint8Array): Promise<void> {
    this.objects.set(checkKey(key), Buffer.from(body))
  }

  async get(key: string): Promise<Buffer | undefined> {
    return this.objects.get(checkKey(key))
  }

  async delete(key: string): Promise<void> {
    this.objects.delete(checkKey(key))
  }

  async *list(prefix: string): AsyncIterable<ListedObject> {
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort()
    for (const key of keys) {
      const body = this.objects.get(key)
      if (body) yield { key, bytes: body.length }
    }
  }
}

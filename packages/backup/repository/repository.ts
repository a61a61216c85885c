import { randomUUID } from 'node:crypto'
import { matches } from '@thresher/api/matches'
import { Type } from '@thresher/api/type'
import { blockBytes, blockKey, entryBytes, parseBlockKey, type BlockRef } from '../format/block.ts'
import { DamagedError } from '../format/damaged-error.ts'
import { manifestKey, manifestsPrefix, parseManifest, type Manifest } from '../format/manifest.ts'
import { identityOf, sameText, type DerivedKeys, type RepositoryKey } from '../format/repository-key.ts'
import { seal, unseal } from '../format/sealed.ts'
import { ObjectError, type ObjectStore } from '../objects/object-store.ts'

const headKey = 'repository.json'
/** A manifest lists its disks' segments: 100 bytes for 8 GiB. */
const mostManifestBytes = 64 * 1024 * 1024

/** The one object in the clear. */
const Head = Type.Object({
  format: Type.Literal('thresher-backup'),
  version: Type.Literal(1),
  id: Type.String(),
  blockBytes: Type.Literal(blockBytes),
  /** Made of the key, to tell a wrong one. */
  check: Type.String(),
})

/** Where backups are kept, encrypted: blocks by their content, an index for each disk, a manifest for each backup. */
export class Repository {
  readonly id: string
  readonly store: ObjectStore
  readonly #keys: DerivedKeys

  private constructor(id: string, store: ObjectStore, keys: DerivedKeys) {
    this.id = id
    this.store = store
    this.#keys = keys
  }

  /** The id of the repository that is at a place; undefined where there is none. @throws {DamagedError} @throws {ObjectError} */
  static async find(store: ObjectStore): Promise<string | undefined> {
    const head = await store.get(headKey)
    return head && parseHead(head).id
  }

  /** Open the repository of a place. @throws {ObjectError} `Missing` @throws {WrongKeyError} @throws {DamagedError} */
  static async open(store: ObjectStore, key: RepositoryKey): Promise<Repository> {
    const body = await store.get(headKey)
    if (!body) throw new ObjectError('Missing', 'there is no repository of backups at this target')
    const head = parseHead(body)
    const keys = key.derive(head.id)
    if (!sameText(keys.check, head.check)) throw new WrongKeyError()
    return new Repository(head.id, store, keys)
  }

  /** Open the repository of a place, or make one. Two that make one at once end with the same. */
  static async ensure(store: ObjectStore, key: RepositoryKey): Promise<Repository> {
    if (!(await store.get(headKey))) {
      const id = randomUUID()
      const head = { format: 'thresher-backup', version: 1, id, blockBytes, check: key.derive(id).check }
      await store.put(headKey, Buffer.from(`${JSON.stringify(head, undefined, 2)}\n`))
    }
    // Read back: another may have put his.
    return Repository.open(store, key)
  }

  identity(content: Uint8Array): Buffer {
    return identityOf(this.#keys, content)
  }

  /** Keep a copy of a block. @returns bytes sent */
  async putBlock(ref: BlockRef, content: Uint8Array): Promise<number> {
    const sealed = await seal(this.#keys.encryption, ref.id, content)
    await this.store.put(blockKey(ref), sealed)
    return sealed.length
  }

  /** @throws {DamagedError} naming the block @throws {ObjectError} */
  async getBlock(ref: BlockRef): Promise<Buffer> {
    const key = blockKey(ref)
    const sealed = await this.store.get(key)
    if (!sealed) throw new DamagedError(`the object ${key} is gone`)
    return this.#unseal(key, ref.id, sealed, blockBytes)
  }

  async hasBlock(ref: BlockRef): Promise<boolean> {
    return (await this.store.get(blockKey(ref))) !== undefined
  }

  /** The index's segment of this key; empty for zeros alone. @throws {DamagedError} */
  async getSegment(key: string): Promise<Buffer> {
    if (key === '') return Buffer.alloc(0)
    const ref = parseBlockKey(key)
    if (!ref) throw new DamagedError(`${JSON.stringify(key)} is no key of an index`)
    const segment = await this.getBlock(ref)
    if (segment.length % entryBytes !== 0) throw new DamagedError(`the object ${key} is no index`)
    return segment
  }

  async putManifest(manifest: Manifest): Promise<void> {
    const json = Buffer.from(JSON.stringify(manifest))
    await this.store.put(manifestKey(manifest.uid), await seal(this.#keys.encryption, nameOf(manifest.uid), json))
  }

  /** @returns undefined where there is no such backup @throws {DamagedError} */
  async getManifest(uid: string): Promise<Manifest | undefined> {
    const key = manifestKey(uid)
    const sealed = await this.store.get(key)
    return sealed && parseManifest(await this.#unseal(key, nameOf(uid), sealed, mostManifestBytes))
  }

  async hasManifest(uid: string): Promise<boolean> {
    return (await this.store.get(manifestKey(uid))) !== undefined
  }

  async deleteManifest(uid: string): Promise<void> {
    await this.store.delete(manifestKey(uid))
  }

  /** The UIDs of all manifests, also of those whose writer was given up. */
  async *manifestUids(): AsyncIterable<string> {
    for await (const { key } of this.store.list(manifestsPrefix)) yield key.slice(manifestsPrefix.length)
  }

  async #unseal(key: string, name: Buffer, sealed: Buffer, most: number): Promise<Buffer> {
    try {
      return await unseal(this.#keys.encryption, name, sealed, most)
    } catch (error) {
      if (error instanceof DamagedError)
        throw new DamagedError(`the object ${key} is damaged: ${error.message}`, { cause: error })
      throw error
    }
  }
}

/** The key is not that of the repository. */
export class WrongKeyError extends Error {
  override readonly name = 'WrongKeyError'

  constructor() {
    super('the key is not that of this repository; give the recovery key that was printed when it was made')
  }
}

const nameOf = (uid: string): Buffer => Buffer.from(`manifest ${uid}`)

function parseHead(body: Buffer): { id: string; check: string } {
  let head: unknown
  try {
    head = JSON.parse(body.toString())
  } catch (error) {
    throw new DamagedError(`${headKey} is no JSON`, { cause: error })
  }
  if (!matches(Head, head))
    throw new DamagedError(`${headKey} is not of a repository of this version of Thresher; update Thresher`)
  return head
}

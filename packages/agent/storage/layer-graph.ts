import type { Layer } from './layer-files.ts'
import type { LayerId } from './layer-id.ts'
import type { VolumeId } from './volume-driver.ts'

/** All that decides which files of volumes are still needed, and which could be one. */
export interface LayerWorld {
  layers: readonly (Layer & { open: boolean; written: boolean })[]
  /** Volumes that exist, by the file in which they are written. */
  heads: ReadonlyMap<VolumeId, LayerId>
  /** Layers that snapshots are. */
  snapshots: ReadonlySet<LayerId>
  /** Layers that are being read, and so must stay as they are with all below them. */
  pinned: ReadonlySet<LayerId>
  /** Volumes that a guest has open, or is about to open. */
  published: ReadonlySet<VolumeId>
}

/** What makes the files fewer. Each leaves every volume and snapshot as it reads. */
export type LayerStep =
  /** Nothing needs the file. */
  | { do: 'drop'; layer: LayerId; volumes: VolumeId[] }
  /** Copy the upper file's data into the lower, which then takes the upper's place. */
  | {
      do: 'merge'
      top: LayerId
      base: LayerId
      volumes: VolumeId[]
      /** The volume whose guest has to do it; undefined where nobody has them open. */
      guest?: VolumeId
    }

/**
 * The steps that are possible now. A file whose snapshot is deleted is merged with the only one that stands on it; the file that a
 * running guest writes is left where it is until the guest ends, since what goes down from there would not stand still. Pure.
 */
export function planLayers(world: LayerWorld): LayerStep[] {
  const graph = new Graph(world)
  return graph.layers.flatMap((layer) => graph.drop(layer) ?? graph.merge(layer) ?? [])
}

type WorldLayer = LayerWorld['layers'][number]

class Graph {
  readonly layers: readonly WorldLayer[]
  readonly #world: LayerWorld
  readonly #children = new Map<LayerId, WorldLayer[]>()
  /** Which volumes read through a layer. */
  readonly #users = new Map<LayerId, Set<VolumeId>>()
  readonly #held = new Set<LayerId>()
  readonly #heads: ReadonlySet<LayerId>
  readonly #byId: Map<LayerId, WorldLayer>

  constructor(world: LayerWorld) {
    this.#world = world
    this.layers = world.layers
    this.#heads = new Set(world.heads.values())
    this.#byId = new Map(world.layers.map((layer) => [layer.id, layer]))
    const named = new Set(world.layers.map(belowOf))
    const counts = new Map<number, number>()
    for (const { inode } of world.layers) counts.set(inode, (counts.get(inode) ?? 0) + 1)
    for (const layer of world.layers) {
      const below = belowOf(layer)
      // A merge in a guest leaves the file its old name as well until the guest ends; nothing stands on that name.
      const isOldName = counts.get(layer.inode)! > 1 && !named.has(layer.id) && !this.#isRoot(layer.id)
      if (below !== undefined && !isOldName) this.#children.set(below, [...(this.#children.get(below) ?? []), layer])
    }
    for (const [volume, head] of world.heads) this.#walk(head, (id) => this.#usersOf(id).add(volume))
    for (const layer of world.layers)
      if (layer.written) this.#walk(layer.id, (id) => this.#usersOf(id).add(layer.volume))
    for (const id of world.pinned) this.#walk(id, (below) => this.#held.add(below))
  }

  drop(layer: WorldLayer): LayerStep | undefined {
    const needed = this.#isRoot(layer.id) || this.#held.has(layer.id) || this.#hasChildren(layer.id)
    return needed || layer.open ? undefined : { do: 'drop', layer: layer.id, volumes: [layer.volume] }
  }

  /** The layer as the base of a merge. */
  merge(base: WorldLayer): LayerStep | undefined {
    const [top, ...others] = this.#children.get(base.id) ?? []
    if (!top || others.length > 0 || this.#isRoot(base.id)) return undefined
    if (this.#held.has(base.id) || this.#held.has(top.id) || base.inode === top.inode) return undefined
    const users = [...this.#usersOf(top.id)]
    const volumes = [...new Set([...users, base.volume, top.volume])].toSorted()
    const busy = users.filter((volume) => this.#world.published.has(volume))
    if (busy.length === 0 && !top.open && !base.open) return { do: 'merge', top: top.id, base: base.id, volumes }
    // One guest and nobody else reads them, and it writes above them. The lower one is written while a merge is under way already.
    const [only] = users
    if (users.length !== 1 || only === undefined || top.written) return undefined
    const head = this.#byId.get(this.#world.heads.get(only) ?? '')
    return head?.written && head.id !== top.id
      ? { do: 'merge', top: top.id, base: base.id, volumes, guest: only }
      : undefined
  }

  #isRoot(id: LayerId): boolean {
    return this.#heads.has(id) || this.#world.snapshots.has(id)
  }

  #hasChildren(id: LayerId): boolean {
    return (this.#children.get(id)?.length ?? 0) > 0
  }

  #usersOf(id: LayerId): Set<VolumeId> {
    const users = this.#users.get(id) ?? new Set()
    this.#users.set(id, users)
    return users
  }

  #walk(from: LayerId, visit: (id: LayerId) => void): void {
    const seen = new Set<LayerId>()
    for (let id: LayerId | undefined = from; id !== undefined && !seen.has(id);) {
      seen.add(id)
      visit(id)
      const layer = this.#byId.get(id)
      id = layer && belowOf(layer)
    }
  }
}

function belowOf({ backing }: Layer): LayerId | undefined {
  return backing && 'layer' in backing ? backing.layer : undefined
}

import { DriverError, type ImageId, type VolumeId } from './volume-driver.ts'

/**
 * One qcow2 file of a volume: `pvc-1`, or `pvc-1.3` for its fourth. A volume is written in the file of its highest number; those
 * below never change again, and other volumes may stand on them.
 */
export type LayerId = string

/** The highest number that a layer may have; more than any chain is long. */
const mostGenerations = 1_000_000_000

const layerPattern = /^([A-Za-z0-9][A-Za-z0-9-]{0,199})(?:\.([1-9]\d{0,9}))?$/

/** A volume's layer by its number. */
export function layerOf(volume: VolumeId, generation: number): LayerId {
  return generation === 0 ? volume : `${volume}.${generation}`
}

/** Whose a layer is, and which; undefined when it is no layer's name. */
export function parseLayer(id: string): { volume: VolumeId; generation: number } | undefined {
  const match = layerPattern.exec(id)
  const generation = Number(match?.[2] ?? 0)
  return match && generation <= mostGenerations ? { volume: match[1]!, generation } : undefined
}

/** What a layer stands on. */
export type Backing = { layer: LayerId } | { image: ImageId }

/** How a layer's header names what it stands on: relative, so that the data folder may move. */
export function backingName(backing: Backing): string {
  return 'layer' in backing ? `${backing.layer}.qcow2` : `../images/${backing.image}.qcow2`
}

/** What a header names. @throws {DriverError} `Corrupt` when it is neither a layer nor an image */
export function parseBacking(name: string, layer: LayerId): Backing {
  const image = /^\.\.\/images\/([A-Za-z0-9][A-Za-z0-9-]*)\.qcow2$/.exec(name)?.[1]
  if (image) return { image }
  const below = /^([^/]+)\.qcow2$/.exec(name)?.[1]
  if (below && parseLayer(below)) return { layer: below }
  throw new DriverError(
    'Corrupt',
    `the file of volume ${layer} refers to ${JSON.stringify(name)}, which is neither an image nor a layer of a volume`,
  )
}

import { describe, expect, it } from 'vitest'
import { planLayers, type LayerStep, type LayerWorld } from './layer-graph.ts'
import { parseLayer } from './layer-id.ts'

/** A file of the world: what it stands on, and what is done with it. */
type File = { on?: string; open?: boolean; written?: boolean; inode?: number }

function world(files: Record<string, File>, more: Partial<LayerWorld> = {}): LayerWorld {
  const layers = Object.entries(files).map(([id, { on, open = false, written = false, inode }], at) => ({
    id,
    ...parseLayer(id)!,
    path: `/volumes/${id}.qcow2`,
    bytes: 1024,
    allocatedBytes: 1024,
    ...(on ? { backing: { layer: on } } : {}),
    inode: inode ?? at,
    open: open || written,
    written,
  }))
  const heads = new Map<string, string>()
  for (const { id, volume, generation } of layers)
    if (generation >= (parseLayer(heads.get(volume) ?? volume)?.generation ?? 0)) heads.set(volume, id)
  const published = new Set(layers.filter((one) => one.written).map(({ volume }) => volume))
  return { layers, heads, snapshots: new Set(), pinned: new Set(), published, ...more }
}

const short = (step: LayerStep) =>
  step.do === 'drop'
    ? `drop ${step.layer}`
    : `merge ${step.top} into ${step.base}${step.guest ? ` in ${step.guest}` : ''}`
const plan = (files: Record<string, File>, more?: Partial<LayerWorld>) => planLayers(world(files, more)).map(short)

describe('the files of volumes', () => {
  it('stay when each is a volume or a snapshot', () => {
    expect(plan({ a: {}, 'a.1': { on: 'a' } }, { snapshots: new Set(['a']) })).toEqual([])
  })

  it('are merged where no snapshot needs the lower one, whatever the upper one is', () => {
    expect(plan({ a: {}, 'a.1': { on: 'a' } })).toEqual(['merge a.1 into a'])
    const chain = { a: {}, 'a.1': { on: 'a' }, 'a.2': { on: 'a.1' } }
    expect(plan(chain, { snapshots: new Set(['a.1']) })).toEqual(['merge a.1 into a'])
  })

  it('are not merged while two stand on the lower one', () => {
    const files = { a: {}, 'a.1': { on: 'a' }, b: { on: 'a' } }
    expect(plan(files)).toEqual([])
    expect(plan({ a: {}, b: { on: 'a' } }, { heads: new Map([['b', 'b']]) })).toEqual(['merge b into a'])
  })

  it('go when nothing stands on them and nobody needs or reads them', () => {
    const files = { a: {}, b: {}, 'b.1': {} }
    expect(plan(files, { heads: new Map([['b', 'b.1']]) })).toEqual(['drop a', 'drop b'])
    expect(plan(files, { heads: new Map([['b', 'b.1']]), snapshots: new Set(['a']), pinned: new Set(['b']) })).toEqual(
      [],
    )
    expect(plan({ ...files, a: { open: true } }, { heads: new Map([['b', 'b.1']]) })).toEqual(['drop b'])
  })

  it('below that which a guest writes are merged by the guest', () => {
    const files = { a: { open: true }, 'a.1': { on: 'a', open: true }, 'a.2': { on: 'a.1', written: true } }
    expect(plan(files)).toEqual(['merge a.1 into a in a'])
    expect(plan(files, { snapshots: new Set(['a.1']) })).toEqual(['merge a.1 into a in a'])
    // What the guest writes would not stand still.
    expect(plan(files, { snapshots: new Set(['a']) })).toEqual([])
  })

  it('that a guest merges already are seen through to the end', () => {
    const files = { a: { written: true }, 'a.1': { on: 'a', open: true }, 'a.2': { on: 'a.1', written: true } }
    expect(plan(files)).toEqual(['merge a.1 into a in a'])
  })

  it('are left alone while two volumes read them and one of them is open', () => {
    const below = { a: { open: true }, 'a.1': { on: 'a', open: true } }
    expect(plan({ ...below, 'a.2': { on: 'a.1', written: true }, b: { on: 'a.1' } })).toEqual([])
    expect(plan({ ...below, 'a.2': { on: 'a.1' }, b: { on: 'a.1', written: true } })).toEqual([])
  })

  it('are left alone while a guest that was told to open them has not done so', () => {
    const files = { a: {}, 'a.1': { on: 'a' } }
    expect(plan(files, { published: new Set(['a']) })).toEqual([])
  })

  it('are left alone while they are read, with all below', () => {
    const files = { a: {}, 'a.1': { on: 'a' }, 'a.2': { on: 'a.1' } }
    expect(plan(files, { pinned: new Set(['a.1']) })).toEqual([])
  })

  it('that no guest took up wait until another is written', () => {
    const files = { a: { written: true }, 'a.1': { on: 'a' } }
    expect(plan(files)).toEqual([])
    expect(plan({ a: { open: true }, 'a.1': { on: 'a' }, 'a.2': { on: 'a', written: true } })).toEqual(['drop a.1'])
  })

  it('with two names lose the one that nothing stands on, once nobody has them open', () => {
    const files = { a: { inode: 9 }, 'a.1': { inode: 9 }, 'a.2': { on: 'a.1' } }
    expect(plan(files, { snapshots: new Set(['a.1']) })).toEqual(['drop a'])
    const open = { w: {}, a: { inode: 9, open: true, on: 'w' }, 'a.1': { inode: 9, open: true, on: 'w' } }
    expect(plan({ ...open, 'a.2': { on: 'a.1', written: true } }, { snapshots: new Set(['w']) })).toEqual([])
  })
})

import { rootOf } from '../open-disks.ts'
import { QmpError, type QmpClient } from '../qmp.ts'
import type { BlockdevOptions } from '../qemu/input.ts'
import type { DriveFacts } from './plan-drives.ts'

/**
 * The drives and block nodes that a QEMU has now, by the names that they had at the start: a volume whose snapshot was taken is
 * written in another file since.
 */
export async function qemuDrives(qmp: QmpClient): Promise<Pick<DriveFacts, 'devices' | 'nodes'>> {
  const [blocks, nodes] = await Promise.all([qmp.execute('query-block', {}), nodeNames(qmp)])
  const devices = blocks.map((block) => {
    const top = block.inserted?.['node-name']
    const node = top === undefined ? undefined : rootOf(top)
    return [deviceOf(block.qdev ?? ''), { removable: block.removable, ...(node ? { node } : {}) }] as const
  })
  return { devices: new Map(devices), nodes: new Set(nodes.map((name) => rootOf(name))) }
}

async function nodeNames(qmp: QmpClient): Promise<string[]> {
  const nodes = await qmp.execute('query-named-block-nodes', { flat: true })
  return nodes.flatMap((node) => node['node-name'] ?? [])
}

/** A device's id; QEMU names some by their place in its tree of objects. */
function deviceOf(qdev: string): string {
  return /^\/machine\/peripheral\/([^/]+)/.exec(qdev)?.[1] ?? qdev
}

/** Open those of a volume's nodes that are not open yet. */
export async function openNodes(
  qmp: QmpClient,
  open: ReadonlySet<string>,
  nodes: readonly BlockdevOptions[],
): Promise<void> {
  for (const node of nodes) if (!open.has(node['node-name'])) await qmp.execute('blockdev-add', node)
}

/** Close all nodes of a volume, each after those that stand on it. */
export async function closeNodes(qmp: QmpClient, top: string): Promise<void> {
  for (;;) {
    const left = (await nodeNames(qmp)).filter((node) => node === top || node.startsWith(`${top}-`))
    if (left.length === 0) return
    const failures: unknown[] = []
    for (const node of left) {
      try {
        await qmp.execute('blockdev-del', { 'node-name': node })
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length === left.length) throw failures[0]
  }
}

/** Run a command whose work may have been done already. @param done what QEMU says then */
export async function orDone(command: Promise<unknown>, done: RegExp): Promise<void> {
  try {
    await command
  } catch (error) {
    if (!(error instanceof QmpError) || !done.test(error.message)) throw error
  }
}

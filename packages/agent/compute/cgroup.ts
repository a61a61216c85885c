import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

/** What one guest may use of the host. */
export interface Limits {
  /** Weight when processors are short: thousandths of a core. */
  requestMillicores: number
  /** Upper bound in thousandths of a core; none unless given. */
  limitMillicores?: number
  /** Upper bound of memory, page cache included. */
  memoryBytes: number
}

/** @see Linux `include/uapi/linux/magic.h` */
const cgroup2Magic = 0x63677270
const periodUs = 100_000

/** How the control groups of this host are arranged, found out once. */
export type Hierarchy =
  | { version: 2; root: string }
  | { version: 1; controllers: Partial<Record<'cpu' | 'memory', string>> }

/** Look where the controllers are mounted. */
export function probeHierarchy(root = '/sys/fs/cgroup'): Hierarchy {
  if (existsSync(root) && statfsSync(root).type === cgroup2Magic) return { version: 2, root }
  const controllers: Partial<Record<'cpu' | 'memory', string>> = {}
  for (const [controller, folders] of [
    ['cpu', ['cpu', 'cpu,cpuacct']],
    ['memory', ['memory']],
  ] as const) {
    const folder = folders.map((name) => join(root, name)).find((path) => existsSync(join(path, 'cgroup.procs')))
    if (folder) controllers[controller] = folder
  }
  return { version: 1, controllers }
}

/** The control group of one guest. Every call may be repeated. */
export class Cgroup {
  readonly #hierarchy: Hierarchy
  readonly #path: string

  /** @param name unique on this host, such as the run's UID */
  constructor(hierarchy: Hierarchy, name: string) {
    this.#hierarchy = hierarchy
    this.#path = join('thresher', name)
  }

  /** Make the group with its limits. */
  create(limits: Limits): void {
    const quota = limits.limitMillicores === undefined ? undefined : (limits.limitMillicores * periodUs) / 1000
    if (this.#hierarchy.version === 2) {
      const { root } = this.#hierarchy
      mkdirSync(join(root, 'thresher'), { recursive: true })
      for (const parent of [root, join(root, 'thresher')]) offer(parent)
      const folder = join(root, this.#path)
      mkdirSync(folder, { recursive: true })
      // 1 to 10000, 100 being the default; the kernel's own mapping from shares.
      const shares = sharesOf(limits)
      set(folder, 'cpu.weight', String(1 + Math.floor(((shares - 2) * 9999) / 262_142)))
      set(folder, 'cpu.max', quota === undefined ? 'max' : `${quota} ${periodUs}`)
      set(folder, 'memory.max', String(limits.memoryBytes))
      return
    }
    const { cpu, memory } = this.#hierarchy.controllers
    if (cpu) {
      const folder = join(cpu, this.#path)
      mkdirSync(folder, { recursive: true })
      set(folder, 'cpu.shares', String(sharesOf(limits)))
      set(folder, 'cpu.cfs_period_us', String(periodUs))
      set(folder, 'cpu.cfs_quota_us', String(quota ?? -1))
    }
    if (memory) {
      const folder = join(memory, this.#path)
      mkdirSync(folder, { recursive: true })
      set(folder, 'memory.limit_in_bytes', String(limits.memoryBytes))
    }
  }

  /** Move a process with all its threads into the group. */
  add(pid: number): void {
    for (const folder of this.#folders()) set(folder, 'cgroup.procs', String(pid))
  }

  /** End all processes in the group: what a guest that took over its QEMU may have started ends with it. */
  kill(): void {
    for (const folder of this.#folders())
      for (const pid of readProcesses(folder)) {
        try {
          process.kill(pid, 'SIGKILL')
        } catch {
          // It ended meanwhile.
        }
      }
  }

  /**
   * Remove the group. It stays while a process in it has ended but nobody has taken note, which for a process that another
   * agent started is up to process 1.
   *
   * @returns whether it is gone
   */
  tryRemove(): boolean {
    return this.#folders().every(removed)
  }

  /** Bytes of memory in use; undefined where it is not counted. */
  memoryBytes(): number | undefined {
    const [folder] = this.#hierarchy.version === 2 ? this.#folders() : this.#folders().slice(-1)
    for (const file of ['memory.current', 'memory.usage_in_bytes']) {
      try {
        if (folder) return Number(readFileSync(join(folder, file), 'utf8'))
      } catch {
        // The other version's name.
      }
    }
    return undefined
  }

  #folders(): string[] {
    if (this.#hierarchy.version === 2) return [join(this.#hierarchy.root, this.#path)]
    return Object.values(this.#hierarchy.controllers).map((root) => join(root, this.#path))
  }
}

/** Younger groups may be somebody's who has no process in it yet. */
const sweepAfterMs = 60_000

/**
 * Remove the groups of runs that ended while no agent looked. Groups with a process in them stay, whoever's they are.
 *
 * @param isKnown whether a group's run is still looked after
 */
export function sweepCgroups(hierarchy: Hierarchy, isKnown: (name: string) => boolean): void {
  const roots = hierarchy.version === 2 ? [hierarchy.root] : Object.values(hierarchy.controllers)
  for (const root of roots) {
    const parent = join(root, 'thresher')
    if (!existsSync(parent)) continue
    for (const { name } of readdirSync(parent, { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
      const age = Date.now() - statSync(join(parent, name)).ctimeMs
      if (!isKnown(name) && age > sweepAfterMs) removed(join(parent, name))
    }
  }
}

function readProcesses(folder: string): number[] {
  try {
    return readFileSync(join(folder, 'cgroup.procs'), 'utf8')
      .split('\n')
      .map(Number)
      .filter((pid) => pid > 1)
  } catch {
    return []
  }
}

/** Whether a group is gone. */
function removed(folder: string): boolean {
  try {
    rmdirSync(folder)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

/** As Kubernetes turns CPU requests into shares. */
function sharesOf({ requestMillicores }: Limits): number {
  return Math.min(Math.max(Math.floor((requestMillicores * 1024) / 1000), 2), 262_144)
}

/** Let children of a version 2 group have limits. */
function offer(folder: string): void {
  set(folder, 'cgroup.subtree_control', '+cpu +memory')
}

/** A limit that this kernel does not have, or that the surrounding container forbids, is done without. */
function set(folder: string, file: string, value: string): void {
  try {
    writeFileSync(join(folder, file), value)
  } catch {
    // The guest runs without this limit.
  }
}

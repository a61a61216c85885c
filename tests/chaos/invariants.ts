import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigMap } from '@thresher/api/core/config-map'
import { Event } from '@thresher/api/core/event'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { guestFile } from './operations.ts'
import type { World } from './world.ts'

/** Something that must be true whenever all is calm again. */
export interface Invariant {
  name: string
  /** @returns what is wrong, in sentences */
  check(world: World): Promise<string[]>
}

/** Words of the runtime that say nothing to a user. */
const bareWords = /\bundefined\b|TypeError|ECONNREFUSED|SQLITE_|aborted due to timeout|\[object|node:internal|: :/

/** All invariants. */
export const invariants: readonly Invariant[] = [
  {
    name: 'no acknowledged write is lost, and none is invented',
    check: async ({ product, ledger, namespace }) => {
      const { items } = await product.client.resource<ConfigMap>(ConfigMap).list({ namespace })
      return ledger.keys
        .filter((key) => key.startsWith('chaos-'))
        .flatMap((key) => ledger.mismatch(key, numberOf(items.find(({ metadata }) => metadata.name === key))) ?? [])
    },
  },
  {
    name: 'a watch sees every acknowledged write once, in order',
    check: async (world) => {
      const { ledger, watcher } = world
      const keys = ledger.keys.filter((key) => key.startsWith('chaos-'))
      const isBehind = (key: string): boolean => (watcher.seen.get(key)?.at(-1) ?? 0) < ledger.entry(key).acknowledged
      // What was just written may still be on its way.
      for (let tries = 0; tries < 200 && keys.some(isBehind); tries++) await new Promise((done) => setTimeout(done, 50))
      return keys.flatMap((key) => {
        const seen = watcher.seen.get(key) ?? []
        const wrong: string[] = []
        if (isBehind(key)) wrong.push(`the watch has not seen the last of ${key}: ${seen.at(-1)}`)
        if (seen.some((number, at) => at > 0 && number <= seen[at - 1]!))
          wrong.push(`the watch saw ${key} out of order: ${seen.join(' ')}`)
        const missed = watcher.gaps > 0 ? [] : ledger.entry(key).all.filter((number) => !seen.includes(number))
        if (missed.length > 0) wrong.push(`the watch missed ${key}: ${missed.join(' ')}`)
        return wrong
      })
    },
  },
  {
    name: 'what a guest has on its disk stays there',
    check: async (world) => {
      const wrong: string[] = []
      for (const { name } of world.running) {
        const key = `guest ${name}`
        if (world.ledger.entry(key).tried === 0) continue
        const text = await world.inGuest(name, `cat ${guestFile} 2>/dev/null || echo 0`)
        wrong.push(...[world.ledger.mismatch(key, Number(text))].filter((one) => one !== undefined))
      }
      return wrong
    },
  },
  {
    name: 'a guest that nothing touched keeps its QEMU',
    check: async (world) => {
      const processes = await world.qemus()
      return [...world.machines.values()].flatMap(({ name, touched, pid }) =>
        !touched && pid !== undefined && processes.get(name) !== pid
          ? [`${name} had QEMU ${pid} and now has ${processes.get(name)}`]
          : [],
      )
    },
  },
  {
    name: 'no disk is open in two QEMUs, and no machine has two',
    check: async ({ product }) => {
      const holders = new Map<string, number[]>()
      const processes = await product.qemuProcesses()
      for (const { pid } of processes)
        for (const file of new Set(openFiles(pid)))
          if (file.startsWith(join(product.info.dataDir, 'agent/volumes')))
            holders.set(file, [...(holders.get(file) ?? []), pid])
      const names = processes.map(({ command }) => /guest=([^,]+),/.exec(command)?.[1])
      return [
        ...[...holders].flatMap(([file, pids]) =>
          pids.length > 1 ? [`${file} is open in ${pids.join(' and ')}`] : [],
        ),
        ...names.filter((name, at) => names.indexOf(name) !== at).map((name) => `${name} has two QEMUs`),
      ]
    },
  },
  {
    name: 'nothing is left over: taps, ports and control groups are those of the guests that run',
    check: async (world) => {
      const guests = world.running.length
      const counts = async (): Promise<Record<string, number>> => {
        const { links, ports } = await world.taps()
        return { taps: links.length, ports: ports.length }
      }
      // A port goes a moment after its tap.
      for (let tries = 0; tries < 100; tries++) {
        if (Object.values(await counts()).every((count) => count === guests)) return []
        await new Promise((done) => setTimeout(done, 50))
      }
      return Object.entries(await counts()).flatMap(([what, count]) =>
        count === guests ? [] : [`there are ${count} ${what} for ${guests} guests`],
      )
    },
  },
  {
    name: 'what users read is written for them',
    check: async ({ product, namespace }) => {
      const [events, instances] = await Promise.all([
        product.client.resource<Event>(Event).list({ namespace }),
        product.client.resource<VirtualMachineInstance>(VirtualMachineInstance).list({ namespace }),
      ])
      const messages = [
        ...events.items.map(({ message }) => message),
        ...instances.items.flatMap(({ status }) => (status?.conditions ?? []).map(({ message }) => message)),
      ]
      return messages.flatMap((message) => (message && bareWords.test(message) ? [`a message says: ${message}`] : []))
    },
  },
]

function numberOf(map: ConfigMap | undefined): number {
  return Number(map?.data?.['number'] ?? 0)
}

/** The files that a process has open. */
function openFiles(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${fd}`)]
      } catch {
        return []
      }
    })
  } catch {
    return []
  }
}

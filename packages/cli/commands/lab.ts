import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { matches } from '@thresher/api/matches'
import { Type } from '@thresher/api/type'
import { LabCluster } from '@thresher/lab/lab-cluster'
import type { Command } from '../command.ts'
import { requireRoot } from '../host/installation.ts'
import { Progress } from '../output/progress.ts'
import { UserError } from '../user-error.ts'

/** Beyond the numbers that tests take. */
const number = 250
const most = 9
const stateFile = '/run/thresher-lab/lab.json'
const State = Type.Object({ dataDirs: Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }) })

/** `thresher lab up`. */
export const labUp: Command = {
  path: ['lab', 'up'],
  summary: 'Several hosts on this machine that form one cluster, each a network namespace with data of its own',
  options: [{ flags: '--hosts <count>', description: `how many, 1 to ${most}`, default: '3' }],
  examples: ['thresher lab up --hosts 3'],
  async run({ paths }, _args, options) {
    requireRoot('thresher lab up')
    if (existsSync(stateFile))
      throw new UserError('there is a lab on this machine already; end it with: thresher lab down')
    const count = Number(options['hosts'])
    if (!Number.isInteger(count) || count < 1 || count > most) throw new UserError(`--hosts must be from 1 to ${most}.`)
    let made: LabCluster | undefined
    await new Progress().step(`Start ${count} hosts`, async () => {
      made = await LabCluster.create(number, paths.app, count)
    })
    const cluster = made!
    const dataDirs = cluster.hosts.map(({ dataDir }) => dataDir)
    mkdirSync(join(stateFile, '..'), { recursive: true, mode: 0o700 })
    writeFileSync(stateFile, JSON.stringify({ dataDirs }))
    for (const host of cluster.hosts) console.log(`${host.name}  ${host.address}  data in ${host.dataDir}`)
    console.log(`dashboard   https://${cluster.first.address}:6443/`)
    console.log(`kubeconfig  ${cluster.first.kubeconfig}`)
    console.log(`try next    thresher --kubeconfig ${cluster.first.kubeconfig} cluster status`)
  },
}

/** `thresher lab down`. */
export const labDown: Command = {
  path: ['lab', 'down'],
  summary: 'End the hosts that "thresher lab up" made, with all their data',
  async run({ paths }) {
    requireRoot('thresher lab down')
    const dataDirs = readState()
    if (!dataDirs) return console.log('There is no lab on this machine.')
    await new Progress().step('End the lab', async () => {
      await LabCluster.attach(number, paths.app, dataDirs)[Symbol.asyncDispose]()
    })
    rmSync(stateFile)
  },
}

function readState(): string[] | undefined {
  if (!existsSync(stateFile)) return undefined
  const value: unknown = JSON.parse(readFileSync(stateFile, 'utf8'))
  if (!matches(State, value)) throw new UserError(`${stateFile} is damaged; remove it, and what it made with ip netns.`)
  return value.dataDirs
}

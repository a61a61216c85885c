import { Node } from '@thresher/api/core/node'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { Pod } from '@thresher/api/core/pod'
import { isReason } from '@thresher/api/error'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import type { TypedKind } from '@thresher/api/kind'
import { claimNameOf } from '@thresher/api/kubevirt/hot-plug'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { KubeObject } from '@thresher/api/meta'
import { createdByLabel, imageIdAnnotation } from '@thresher/api/names'
import type { Client } from '@thresher/client/client'
import type { Command } from '../../command.ts'
import { written } from '../../output/objects.ts'
import { explainMachine, explanationText, type MachineEvidence } from '../../vm/explain.ts'
import { namespaceOption, textOf } from '../../vm/operation.ts'

/** `thresher vm explain`. */
export const vmExplain: Command = {
  path: ['vm', 'explain'],
  summary: 'Say in plain words why a virtual machine is in its state, and what helps',
  arguments: [{ name: 'name', description: 'the virtual machine' }],
  options: [
    namespaceOption,
    {
      flags: '-o, --output <format>',
      description: 'text, or for scripts',
      default: 'text',
      choices: ['text', 'json', 'yaml'],
    },
  ],
  examples: ['thresher vm explain web'],
  async run(context, [name = ''], options) {
    const client = await context.client()
    const explanation = explainMachine(await gather(client, textOf(options, 'namespace'), name), new Date())
    const format = options['output']
    console.log(format === 'json' || format === 'yaml' ? written(explanation, format) : explanationText(explanation))
  },
}

/** All that says something of a machine and that the user may read. */
async function gather(client: Client, namespace: string, name: string): Promise<MachineEvidence> {
  const machine = await client.resource(VirtualMachine).get(name, namespace)
  const instance = await orMissing(client.resource(VirtualMachineInstance).get(name, namespace))
  const names = (machine.spec.template.spec.volumes ?? []).flatMap((volume) => claimNameOf(volume) ?? [])
  const [pods, nodes, claims] = await Promise.all([
    instance
      ? listed(client, Pod, { namespace, labelSelector: `${createdByLabel}=${instance.metadata.uid}` })
      : Promise.resolve([]),
    listed(client, Node, {}),
    Promise.all(names.map((claim) => orMissing(client.resource(PersistentVolumeClaim).get(claim, namespace)))),
  ])
  const found = claims.filter((claim) => claim !== undefined)
  const images = await Promise.all(found.map((claim) => imageOf(client, claim)))
  return {
    machine,
    ...(instance ? { instance } : {}),
    ...(pods[0] ? { pod: pods[0] } : {}),
    claims: found,
    missingClaims: names.filter((_, index) => claims[index] === undefined),
    images: images.filter((image) => image !== undefined),
    nodes,
  }
}

async function imageOf(
  client: Client,
  { metadata, status }: PersistentVolumeClaim,
): Promise<VirtualMachineImage | undefined> {
  const [namespace = '', name = ''] = metadata.annotations?.[imageIdAnnotation]?.split('/') ?? []
  if (name === '' || status?.phase === 'Bound') return undefined
  return orMissing(client.resource(VirtualMachineImage).get(name, namespace))
}

async function listed<O extends KubeObject>(
  client: Client,
  kind: TypedKind<O>,
  query: { namespace?: string; labelSelector?: string },
): Promise<O[]> {
  return (await orMissing(client.resource(kind).list(query)))?.items ?? []
}

/** What is not there, or is not the user's to read, says nothing. */
async function orMissing<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read
  } catch (error) {
    if (isReason(error, 'NotFound', 'Forbidden')) return undefined
    throw error
  }
}

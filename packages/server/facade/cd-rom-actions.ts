import { randomBytes } from 'node:crypto'
import { textInput } from '@thresher/api/action-call'
import type { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { ejectCdRom, insertCdRom } from '@thresher/api/kubevirt/cd-rom'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { KubeObject } from '@thresher/api/meta'
import { readObject } from './answer.ts'
import type { FacadeCall } from './context.ts'

const objectPath = (group: string, plural: string, namespace: string, name: string): string =>
  `${group}/namespaces/${encodeURIComponent(namespace)}/${plural}/${encodeURIComponent(name)}`

/** `insertCdRomVolume {deviceName, imageName}`: put an image, as `namespace/name`, into an empty drive. */
export async function insertCdRomVolume(call: FacadeCall, object: KubeObject): Promise<undefined> {
  const input = readObject(call)
  const [first = '', second] = textInput(input, 'imageName').split('/')
  const { namespace: own = '' } = object.metadata
  const [namespace, name] = second === undefined ? [own, first] : [first, second]
  const path = objectPath('/apis/harvesterhci.io/v1beta1', 'virtualmachineimages', namespace, name)
  const { status } = await call.api.request<VirtualMachineImage>({ method: 'GET', path })
  const device = textInput(input, 'deviceName')
  const image = { namespace, name, status }
  await update(call, insertCdRom(object as VirtualMachine, device, image, randomBytes(3).toString('hex')))
  return undefined
}

/** `ejectCdRomVolume {deviceName}`: empty a drive, and delete the volume that was made for its image. */
export async function ejectCdRomVolume(call: FacadeCall, object: KubeObject): Promise<undefined> {
  const { machine, claim } = ejectCdRom(object as VirtualMachine, textInput(readObject(call), 'deviceName'))
  await update(call, machine)
  const path = objectPath('/api/v1', 'persistentvolumeclaims', machine.metadata.namespace ?? '', claim ?? '')
  if (claim) await call.api.request({ method: 'DELETE', path })
  return undefined
}

function update({ api }: FacadeCall, machine: VirtualMachine): Promise<unknown> {
  const { namespace = '', name = '' } = machine.metadata
  const path = objectPath('/apis/kubevirt.io/v1', 'virtualmachines', namespace, name)
  return api.request({ method: 'PUT', path, body: machine })
}

import { imageIdAnnotation, sshNamesAnnotation } from '../names.ts'
import { claimTemplatesAnnotation } from './claim-templates.ts'

/** What a simple machine is made from, as the command line and the dashboard ask for it. Sizes are Kubernetes quantities. */
export interface MachineOptions {
  name: string
  namespace: string
  cpus: number
  memory: string
  /** The image as `namespace/name`, and the storage class that its volumes come from. */
  image?: { name: string; storageClass: string }
  disk: string
  /** Names of KeyPairs in the namespace, and their public keys for cloud-init. */
  keys: { name: string; publicKey: string }[]
  userData?: string
  networkData?: string
  runStrategy: string
  efi: boolean
  /** Start by UEFI, and only what is signed. */
  secureBoot?: boolean
  /** Give the machine a TPM 2.0 whose contents last. */
  tpm?: boolean
}

/** The cloud-init user data: what the user gave, else a few lines that let the keys in. */
function userDataOf({ userData, keys, name }: MachineOptions): string {
  if (userData !== undefined) return userData
  const lines = ['#cloud-config', `hostname: ${name}`]
  if (keys.length > 0) lines.push('ssh_authorized_keys:', ...keys.map((key) => `  - ${key.publicKey.trim()}`))
  return `${lines.join('\n')}\n`
}

/** Secure boot needs SMM, behind which alone its variables are written; these last, as what is enrolled in them must. */
function firmwareOf({ efi, secureBoot = false }: MachineOptions) {
  if (!efi && !secureBoot) return {}
  const bootloader = { efi: secureBoot ? { secureBoot, persistent: true } : { secureBoot } }
  return { firmware: { bootloader }, ...(secureBoot ? { features: { smm: { enabled: true } } } : {}) }
}

/** The VirtualMachine for these options, in the shape that Harvester's own clients write. */
export function machineManifest(options: MachineOptions) {
  const claim = `${options.name}-disk-0`
  const claims = [
    {
      metadata: {
        name: claim,
        ...(options.image ? { annotations: { [imageIdAnnotation]: options.image.name } } : {}),
      },
      spec: {
        accessModes: ['ReadWriteMany'],
        volumeMode: 'Block',
        resources: { requests: { storage: options.disk } },
        ...(options.image ? { storageClassName: options.image.storageClass } : {}),
      },
    },
  ]
  return {
    metadata: {
      name: options.name,
      namespace: options.namespace,
      annotations: { [claimTemplatesAnnotation]: JSON.stringify(claims) },
    },
    spec: {
      runStrategy: options.runStrategy,
      template: {
        metadata: {
          labels: { 'harvesterhci.io/vmName': options.name },
          annotations: {
            [sshNamesAnnotation]: JSON.stringify(options.keys.map((key) => `${options.namespace}/${key.name}`)),
          },
        },
        spec: {
          domain: {
            cpu: { cores: options.cpus, sockets: 1, threads: 1 },
            ...firmwareOf(options),
            devices: {
              disks: [
                { name: 'disk-0', bootOrder: 1, disk: { bus: 'virtio' } },
                { name: 'cloudinitdisk', disk: { bus: 'virtio' } },
              ],
              interfaces: [{ name: 'default', model: 'virtio', masquerade: {} }],
              ...(options.tpm ? { tpm: { persistent: true } } : {}),
            },
            resources: { limits: { cpu: String(options.cpus), memory: options.memory } },
          },
          networks: [{ name: 'default', pod: {} }],
          volumes: [
            { name: 'disk-0', persistentVolumeClaim: { claimName: claim } },
            {
              name: 'cloudinitdisk',
              cloudInitNoCloud: {
                userData: userDataOf(options),
                ...(options.networkData === undefined ? {} : { networkData: options.networkData }),
              },
            },
          ],
        },
      },
    },
  }
}

import { machineManifest } from '@thresher/api/kubevirt/machine-manifest'

/** What the form for a new machine holds. Sizes are Kubernetes quantities. */
export interface MachineForm {
  name: string
  namespace: string
  /** `namespace/name` of the image; empty for an empty disk. */
  image: string
  storageClass: string
  cpus: number
  memory: string
  disk: string
  /** Names of KeyPairs. */
  keys: string[]
  userData: string
  /** `namespace/name` of a network, or empty for the management network. */
  network: string
  efi: boolean
  start: boolean
  count: number
}

/** Sizes that are offered. */
export const sizes = {
  small: { cpus: 1, memory: '1Gi' },
  medium: { cpus: 2, memory: '4Gi' },
  large: { cpus: 4, memory: '8Gi' },
} as const
export type Size = keyof typeof sizes

/** The size that CPUs and memory are, if they are one of those offered. */
export function sizeOf({ cpus, memory }: Pick<MachineForm, 'cpus' | 'memory'>): Size | 'custom' {
  const found = (Object.keys(sizes) as Size[]).find(
    (size) => sizes[size].cpus === cpus && sizes[size].memory === memory,
  )
  return found ?? 'custom'
}

/** A name that is not taken: `vm-1`, `vm-2`, … */
export function freeName(base: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number++) if (!taken.has(`${base}-${number}`)) return `${base}-${number}`
}

/** The names of several machines: `web`, or `web-1`, `web-2`, … */
export function namesOf({ name, count }: Pick<MachineForm, 'name' | 'count'>): string[] {
  return count === 1 ? [name] : Array.from({ length: count }, (_, index) => `${name}-${index + 1}`)
}

/** The VirtualMachine of the form, under one of its names. */
export function machineOf(form: MachineForm, keys: { name: string; publicKey: string }[], name = form.name) {
  const manifest = machineManifest({
    name,
    namespace: form.namespace,
    cpus: form.cpus,
    memory: form.memory,
    disk: form.disk,
    keys,
    ...(form.image ? { image: { name: form.image, storageClass: form.storageClass } } : {}),
    ...(form.userData.trim() ? { userData: form.userData } : {}),
    runStrategy: form.start ? 'RerunOnFailure' : 'Halted',
    efi: form.efi,
  })
  if (!form.network) return manifest
  const { spec } = manifest.spec.template
  const devices = { ...spec.domain.devices, interfaces: [{ name: 'default', model: 'virtio', bridge: {} }] }
  const networks = [{ name: 'default', multus: { networkName: form.network } }]
  const template = { ...manifest.spec.template, spec: { ...spec, domain: { ...spec.domain, devices }, networks } }
  return { ...manifest, spec: { ...manifest.spec, template } }
}

/** The same as a command line. */
export function commandOf(form: MachineForm): string {
  const parts = ['./thresher vm create', form.name || 'NAME']
  if (form.image) parts.push(`--image ${form.image}`)
  parts.push(`--cpus ${form.cpus}`, `--memory ${form.memory}`, `--disk ${form.disk}`)
  if (form.keys.length > 0) parts.push(`--ssh-key ${form.keys.join(',')}`)
  if (form.namespace !== 'default') parts.push(`--namespace ${form.namespace}`)
  return parts.join(' ')
}

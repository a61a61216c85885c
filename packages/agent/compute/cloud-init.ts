import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { CloudInit } from '@thresher/api/kubevirt/volume'
import { stringify } from 'yaml'
import { sshNamesAnnotation } from '@thresher/api/names'
import type { SeedFiles } from './seed-image.ts'

/** What cloud-init's data refers to and the API holds. `secret` throws {@link MissingSourceError} when it is not there. */
export interface CloudInitSources {
  /** A Secret's data, decoded. */
  secret(name: string): Promise<Record<string, Buffer>>
  /** A KeyPair's public key; undefined when it is gone: a machine must start without it, as its keys are in its user data too. */
  publicKey(namespace: string, name: string): Promise<string | undefined>
}

/** A Secret, ConfigMap, key or KeyPair that the VMI names is not there; it may still come. */
export class MissingSourceError extends Error {
  override readonly name = 'MissingSourceError'
}

/** The volume's label by which guests find the data source. */
export const noCloudLabel = 'cidata'
export const configDriveLabel = 'config-2'

/**
 * The files of a NoCloud data source.
 *
 * @see https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html
 */
export async function noCloudFiles(
  vmi: VirtualMachineInstance,
  cloudInit: CloudInit,
  sources: CloudInitSources,
): Promise<SeedFiles> {
  const { id, hostname, userData, networkData, keys } = await gather(vmi, cloudInit, sources)
  const metaData = {
    'instance-id': id,
    'local-hostname': hostname,
    hostname,
    ...(keys.length > 0 ? { 'public-keys': keys } : {}),
  }
  return {
    // Never folded: small guests read it line by line.
    'meta-data': stringify(metaData, { lineWidth: 0 }),
    'user-data': userData,
    ...(networkData === undefined ? {} : { 'network-config': networkData }),
  }
}

/**
 * The files of a config drive.
 *
 * @see https://cloudinit.readthedocs.io/en/latest/reference/datasources/configdrive.html
 */
export async function configDriveFiles(
  vmi: VirtualMachineInstance,
  cloudInit: CloudInit,
  sources: CloudInitSources,
): Promise<SeedFiles> {
  const { id, hostname, userData, networkData, keys } = await gather(vmi, cloudInit, sources)
  const metaData = {
    uuid: id,
    instance_id: id,
    hostname,
    local_hostname: hostname,
    ...(keys.length > 0 ? { public_keys: Object.fromEntries(keys.map((key, index) => [String(index), key])) } : {}),
  }
  return {
    'openstack/latest/meta_data.json': JSON.stringify(metaData),
    'openstack/latest/user_data': userData,
    ...(networkData === undefined ? {} : { 'openstack/latest/network_data.json': networkData }),
  }
}

/** What both data sources tell, each in its own form. */
async function gather(vmi: VirtualMachineInstance, cloudInit: CloudInit, sources: CloudInitSources) {
  const [userData = '#cloud-config\n{}\n', networkData, keys] = await Promise.all([
    userDataOf(cloudInit, sources),
    networkDataOf(cloudInit, sources),
    publicKeys(vmi, sources),
  ])
  const { metadata, spec } = vmi
  return {
    // A new instance id makes cloud-init configure the guest anew, so it stays with the VM's name over its runs.
    id: `${metadata.name}.${metadata.namespace}`,
    hostname: spec.hostname || metadata.name || '',
    userData,
    networkData,
    keys,
  }
}

async function userDataOf(cloudInit: CloudInit, sources: CloudInitSources): Promise<string | Buffer | undefined> {
  if (cloudInit?.userData) return cloudInit.userData
  if (cloudInit?.userDataBase64) return Buffer.from(cloudInit.userDataBase64, 'base64')
  const name = cloudInit?.secretRef?.name
  return name ? pick(await sources.secret(name), name, ['userdata', 'userData']) : undefined
}

async function networkDataOf(cloudInit: CloudInit, sources: CloudInitSources): Promise<string | Buffer | undefined> {
  if (cloudInit?.networkData) return cloudInit.networkData
  if (cloudInit?.networkDataBase64) return Buffer.from(cloudInit.networkDataBase64, 'base64')
  const named = cloudInit?.networkDataSecretRef?.name
  if (named) return pick(await sources.secret(named), named, ['networkdata', 'networkData'])
  // One Secret may hold both, as the machine drivers write it.
  const shared = cloudInit?.secretRef?.name
  if (!shared) return undefined
  const data = await sources.secret(shared)
  return data['networkdata'] ?? data['networkData']
}

function pick(data: Record<string, Buffer>, secret: string, names: string[]): Buffer {
  for (const name of names) if (data[name]) return data[name]
  throw new MissingSourceError(`the key ${names[0]} in the Secret ${secret}; add it`)
}

/** Public keys from Secrets of access credentials and from KeyPairs, each once. */
async function publicKeys(vmi: VirtualMachineInstance, sources: CloudInitSources): Promise<string[]> {
  const secrets = (vmi.spec.accessCredentials ?? []).flatMap((credential) => {
    const name = credential.sshPublicKey?.source?.secret?.secretName
    const method = credential.sshPublicKey?.propagationMethod
    return name && (!method || method.noCloud || method.configDrive) ? [name] : []
  })
  const fromSecrets = secrets.map(async (name) =>
    Object.values(await sources.secret(name)).map((data) => data.toString('utf8')),
  )
  const fromPairs = keyPairNames(vmi).map(async ({ namespace, name }) => [
    (await sources.publicKey(namespace, name)) ?? '',
  ])
  const lines = (await Promise.all([...fromSecrets, ...fromPairs])).flat().flatMap((text) => text.split('\n'))
  return [...new Set(lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#')))]
}

/** The KeyPairs that the annotation names; a name without namespace is in the VM's own. */
export function keyPairNames({ metadata }: VirtualMachineInstance): { namespace: string; name: string }[] {
  const text = metadata.annotations?.[sshNamesAnnotation]
  if (!text) return []
  let names: unknown
  try {
    names = JSON.parse(text)
  } catch {
    return []
  }
  if (!Array.isArray(names)) return []
  return names
    .filter((name): name is string => typeof name === 'string' && name !== '')
    .map((name) => {
      const [first, second] = name.split('/')
      return second === undefined
        ? { namespace: metadata.namespace ?? 'default', name: first! }
        : { namespace: first!, name: second }
    })
}

import { ConfigMap } from '@thresher/api/core/config-map'
import { Secret } from '@thresher/api/core/secret'
import { isReason } from '@thresher/api/error'
import { KeyPair } from '@thresher/api/harvester/key-pair'
import { downwardFiles } from '@thresher/api/kubevirt/downward'
import type { Volume } from '@thresher/api/kubevirt/volume'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { Client } from '@thresher/client/client'
import {
  configDriveFiles,
  configDriveLabel,
  MissingSourceError,
  noCloudFiles,
  noCloudLabel,
  type CloudInitSources,
} from './cloud-init.ts'
import type { PlannedSeed } from './plan.ts'
import type { SeedFiles } from './seed-image.ts'
import { sysprepFiles, sysprepLabel } from './sysprep.ts'
import type { SeedVolume } from './resolve.ts'

/**
 * The contents of the configuration disks, with the Secrets, ConfigMaps and KeyPairs they name.
 *
 * @throws {MissingSourceError} when one of these is not there
 */
export function readSeeds(client: Client, vmi: VirtualMachineInstance, volumes: SeedVolume[]): Promise<PlannedSeed[]> {
  const namespace = vmi.metadata.namespace ?? 'default'
  const sources = sourcesOf(client, namespace)
  return Promise.all(
    volumes.map(async ({ name, source }): Promise<PlannedSeed> => {
      if (source.cloudInitNoCloud)
        return { name, label: noCloudLabel, files: await noCloudFiles(vmi, source.cloudInitNoCloud, sources) }
      if (source.cloudInitConfigDrive)
        return {
          name,
          label: configDriveLabel,
          files: await configDriveFiles(vmi, source.cloudInitConfigDrive, sources),
        }
      if (source.downwardAPI) {
        const { volumeLabel, fields = [] } = source.downwardAPI
        return { name, label: volumeLabel || name.slice(0, 16), files: downwardFiles(vmi, fields) }
      }
      if (source.sysprep)
        return { name, label: sysprepLabel, files: await readSysprep(client, namespace, source.sysprep, sources) }
      const { configMap, secret } = source
      const label = configMap?.volumeLabel ?? secret?.volumeLabel ?? name.slice(0, 16)
      const read = configMap
        ? readConfigMap(client, namespace, configMap.name ?? '')
        : sources.secret(secret?.secretName ?? '')
      const optional = configMap?.optional ?? secret?.optional ?? false
      return { name, label, files: await read.catch((error: unknown) => orEmpty(error, optional)) }
    }),
  )
}

function readSysprep(
  client: Client,
  namespace: string,
  { configMap, secret }: NonNullable<Volume['sysprep']>,
  sources: CloudInitSources,
): Promise<SeedFiles> {
  if (secret?.name) return sources.secret(secret.name).then((files) => sysprepFiles(files, `the Secret ${secret.name}`))
  const name = configMap?.name ?? ''
  return readConfigMap(client, namespace, name).then((files) => sysprepFiles(files, `the ConfigMap ${name}`))
}

function orEmpty(error: unknown, optional: boolean): Record<string, Buffer> {
  if (optional && error instanceof MissingSourceError) return {}
  throw error
}

function sourcesOf(client: Client, namespace: string): CloudInitSources {
  const secrets = new Map<string, Promise<Record<string, Buffer>>>()
  return {
    secret(name) {
      const known = secrets.get(name) ?? readSecret(client, namespace, name)
      secrets.set(name, known)
      return known
    },
    async publicKey(keyNamespace, name) {
      try {
        return (await client.resource(KeyPair).get(name, keyNamespace)).spec.publicKey
      } catch (error) {
        if (isReason(error, 'NotFound')) return undefined
        throw error
      }
    },
  }
}

/** A Secret's fields. @throws {MissingSourceError} */
export async function readSecret(client: Client, namespace: string, name: string): Promise<Record<string, Buffer>> {
  const secret = await orMissing(client.resource(Secret).get(name, namespace), `the Secret ${namespace}/${name}`)
  return Object.fromEntries(
    Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(String(value), 'base64')]),
  )
}

async function readConfigMap(client: Client, namespace: string, name: string): Promise<Record<string, Buffer>> {
  const map = await orMissing(client.resource(ConfigMap).get(name, namespace), `the ConfigMap ${namespace}/${name}`)
  return {
    ...Object.fromEntries(Object.entries(map.data ?? {}).map(([key, value]) => [key, Buffer.from(value)])),
    ...Object.fromEntries(
      Object.entries(map.binaryData ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')]),
    ),
  }
}

async function orMissing<T>(read: Promise<T>, what: string): Promise<T> {
  try {
    return await read
  } catch (cause) {
    if (isReason(cause, 'NotFound', 'Forbidden')) throw new MissingSourceError(`${what}, which is not there`, { cause })
    throw cause
  }
}

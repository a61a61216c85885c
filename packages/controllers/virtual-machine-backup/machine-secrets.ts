import type { VirtualMachineInstanceSpec } from '@thresher/api/kubevirt/virtual-machine-instance-spec'

/** A place in a machine's spec that names a Secret. */
type Named = { name?: string } | { secretName?: string }

/** The Secrets that a machine's guest is given, each once. */
export function machineSecrets(spec: VirtualMachineInstanceSpec): string[] {
  return [...new Set(placesOf(spec).flatMap((place) => nameIn(place) ?? []))]
}

/** The spec with other Secrets of the same content. Pure. */
export function renameSecrets(
  spec: VirtualMachineInstanceSpec,
  names: ReadonlyMap<string, string>,
): VirtualMachineInstanceSpec {
  const copy = structuredClone(spec)
  for (const place of placesOf(copy)) {
    const name = names.get(nameIn(place) ?? '')
    if (name !== undefined) Object.assign(place, 'secretName' in place ? { secretName: name } : { name })
  }
  return copy
}

function nameIn(place: Named): string | undefined {
  return 'secretName' in place ? place.secretName : 'name' in place ? place.name : undefined
}

function placesOf({ volumes = [], accessCredentials = [] }: VirtualMachineInstanceSpec): Named[] {
  const places: (Named | undefined)[] = [
    ...volumes.flatMap(({ cloudInitNoCloud, cloudInitConfigDrive, secret, sysprep }) => [
      cloudInitNoCloud?.secretRef,
      cloudInitNoCloud?.networkDataSecretRef,
      cloudInitConfigDrive?.secretRef,
      cloudInitConfigDrive?.networkDataSecretRef,
      secret,
      sysprep?.secret,
    ]),
    ...accessCredentials.flatMap(({ sshPublicKey, userPassword }) => [
      sshPublicKey?.source?.secret,
      userPassword?.source?.secret,
    ]),
  ]
  return places.filter((place) => place !== undefined)
}

import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import type { Client } from '@thresher/client/client'
import { UserError } from '../user-error.ts'
import { waitUntil } from '../vm/wait.ts'

/** Wait until an image is imported. @throws {UserError} with the API's own words when it failed for good */
export async function waitImported(
  client: Client,
  place: { namespace: string; name: string },
  onProgress: (percent: number) => void,
  signal: AbortSignal,
): Promise<void> {
  let failure: string | undefined
  await waitUntil(
    client,
    VirtualMachineImage,
    place,
    (image) => {
      const condition = (type: string) => image?.status?.conditions?.find((one) => one.type === type)
      if (image === undefined) failure = 'it was deleted'
      else if (condition('RetryLimitExceeded')?.status === 'True')
        failure = condition('Imported')?.message ?? condition('RetryLimitExceeded')?.message ?? 'it failed'
      onProgress(image?.status?.progress ?? 0)
      return failure !== undefined || condition('Imported')?.status === 'True'
    },
    { timeoutMs: 3_600_000, what: `image ${place.namespace}/${place.name}`, signal },
  )
  if (failure !== undefined)
    throw new UserError(`image ${place.namespace}/${place.name} could not be imported: ${failure}`)
}

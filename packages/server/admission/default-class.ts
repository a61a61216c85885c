import { isDefaultClass, StorageClass } from '@thresher/api/storage/storage-class'
import type { AdmissionStep } from '@thresher/apiserver/admission'
import { concerns, type Lookup } from './request.ts'

/** There is at most one default StorageClass. */
export function defaultClass(objects: () => Lookup): AdmissionStep {
  return {
    name: 'DefaultClass',
    validate(request) {
      if (!concerns(request, StorageClass, 'CREATE', 'UPDATE') || !isDefaultClass(request.object as StorageClass))
        return
      for (const other of objects().list<StorageClass>(StorageClass))
        if (other.metadata.name !== request.object?.metadata.name && isDefaultClass(other))
          return [
            {
              field: 'metadata.annotations',
              message: `default storage class ${other.metadata.name} already exists, please reset it first`,
            },
          ]
    },
  }
}

import { Conditions } from '../meta.ts'
import { flag, int32, int64, list, listBy, object, optional, ResourceList, text, time } from '../schema.ts'
import { ResourceRequirements } from './resources.ts'

const state = optional({
  waiting: optional({ reason: text, message: text }),
  running: optional({ startedAt: time }),
  terminated: object(
    { exitCode: int32 },
    { signal: int32, reason: text, message: text, startedAt: time, finishedAt: time, containerID: text },
  ),
})

/** How one container fares. */
export const ContainerStatus = object(
  { name: text, image: text, imageID: text, ready: flag, restartCount: int32 },
  {
    state,
    lastState: state,
    containerID: text,
    started: flag,
    stopSignal: text,
    allocatedResources: ResourceList,
    resources: ResourceRequirements,
    volumeMounts: listBy(
      object({ name: text, mountPath: text }, { readOnly: flag, recursiveReadOnly: text }),
      ['mountPath'],
      'mountPath',
    ),
    user: optional({
      linux: object({ uid: int64, gid: int64 }, { supplementalGroups: list(int64) }),
    }),
    allocatedResourcesStatus: listBy(
      object({ name: text }, { resources: listBy(object({ resourceID: text }, { health: text }), ['resourceID']) }),
      ['name'],
      'name',
    ),
  },
)

const addresses = listBy(object({ ip: text }), ['ip'], 'ip')

/** How a pod fares, written by the node it runs on. */
export const PodStatus = optional({
  phase: text,
  conditions: Conditions,
  message: text,
  reason: text,
  nominatedNodeName: text,
  hostIP: text,
  hostIPs: addresses,
  podIP: text,
  podIPs: addresses,
  startTime: time,
  qosClass: text,
  initContainerStatuses: list(ContainerStatus),
  containerStatuses: list(ContainerStatus),
  ephemeralContainerStatuses: list(ContainerStatus),
  resize: text,
  observedGeneration: int64,
  allocatedResources: ResourceList,
  resources: ResourceRequirements,
  resourceClaimStatuses: listBy(object({ name: text }, { resourceClaimName: text }), ['name'], 'name'),
  extendedResourceClaimStatus: optional({
    resourceClaimName: text,
    requestMappings: list(object({ containerName: text, resourceName: text, requestName: text })),
  }),
})

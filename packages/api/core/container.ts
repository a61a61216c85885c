import type { Static } from 'typebox'
import { flag, having, int32, list, listBy, object, oneOf, optional, Quantity, text, texts } from '../schema.ts'
import { Lifecycle, Probe } from './handler.ts'
import { ResourceRequirements } from './resources.ts'
import { SecurityContext } from './security-context.ts'

const keyOf = { key: text }
const named = { name: text, optional: flag }

/** A field of the pod. */
export const ObjectFieldSelector = object(
  { fieldPath: text },
  { apiVersion: having(text, { default: 'v1' }) },
  { 'x-kubernetes-map-type': 'atomic' },
)

/** A container's limit or request. */
export const ResourceFieldSelector = object(
  { resource: text },
  { containerName: text, divisor: Quantity },
  { 'x-kubernetes-map-type': 'atomic' },
)

/** One variable of the environment: its value, or where to read it. */
export const EnvVar = object(
  { name: text },
  {
    value: text,
    valueFrom: optional({
      fieldRef: ObjectFieldSelector,
      resourceFieldRef: ResourceFieldSelector,
      configMapKeyRef: object(keyOf, named, { 'x-kubernetes-map-type': 'atomic' }),
      secretKeyRef: object(keyOf, named, { 'x-kubernetes-map-type': 'atomic' }),
      fileKeyRef: object(
        { volumeName: text, path: text, key: text },
        { optional: flag },
        { 'x-kubernetes-map-type': 'atomic' },
      ),
    }),
  },
)
export type EnvVar = Static<typeof EnvVar>

/** A port that the container listens on. */
export const ContainerPort = object(
  { containerPort: int32 },
  {
    name: text,
    protocol: having(oneOf('TCP', 'UDP', 'SCTP'), { default: 'TCP' }),
    hostPort: int32,
    hostIP: text,
  },
)

/** Where a volume appears in the container. */
export const VolumeMount = object(
  { name: text, mountPath: text },
  {
    subPath: text,
    subPathExpr: text,
    readOnly: flag,
    recursiveReadOnly: text,
    mountPropagation: text,
  },
)

const containerFields = {
  image: text,
  command: texts,
  args: texts,
  workingDir: text,
  ports: listBy(ContainerPort, ['containerPort', 'protocol'], 'containerPort'),
  envFrom: list(optional({ prefix: text, configMapRef: optional(named), secretRef: optional(named) })),
  env: listBy(EnvVar, ['name'], 'name'),
  resources: having(ResourceRequirements, { default: {} }),
  resizePolicy: list(object({ resourceName: text, restartPolicy: text })),
  restartPolicy: text,
  restartPolicyRules: list(
    object({ action: text }, { exitCodes: object({ operator: text }, { values: list(int32) }) }),
  ),
  volumeMounts: listBy(VolumeMount, ['mountPath'], 'mountPath'),
  volumeDevices: listBy(object({ name: text, devicePath: text }), ['devicePath'], 'devicePath'),
  livenessProbe: Probe,
  readinessProbe: Probe,
  startupProbe: Probe,
  lifecycle: Lifecycle,
  terminationMessagePath: having(text, { default: '/dev/termination-log' }),
  terminationMessagePolicy: having(oneOf('File', 'FallbackToLogsOnError'), { default: 'File' }),
  imagePullPolicy: oneOf('Always', 'IfNotPresent', 'Never'),
  securityContext: SecurityContext,
  stdin: flag,
  stdinOnce: flag,
  tty: flag,
}

/** One process tree of a pod with its own image. */
export const Container = object({ name: text }, containerFields)
export type Container = Static<typeof Container>

/** A container put into a running pod to look around. */
export const EphemeralContainer = object({ name: text }, { ...containerFields, targetContainerName: text })

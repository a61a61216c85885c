import { flag, int64, list, object, optional, text, texts } from '../schema.ts'

const seLinuxOptions = optional({ user: text, role: text, type: text, level: text })
const windowsOptions = optional({
  gmsaCredentialSpecName: text,
  gmsaCredentialSpec: text,
  runAsUserName: text,
  hostProcess: flag,
})
const profile = object({ type: text }, { localhostProfile: text })

/** Rights of one container; wins over the pod's. */
export const SecurityContext = optional({
  capabilities: optional({ add: texts, drop: texts }),
  privileged: flag,
  seLinuxOptions,
  windowsOptions,
  runAsUser: int64,
  runAsGroup: int64,
  runAsNonRoot: flag,
  readOnlyRootFilesystem: flag,
  allowPrivilegeEscalation: flag,
  procMount: text,
  seccompProfile: profile,
  appArmorProfile: profile,
})

/** Rights of all containers of a pod. */
export const PodSecurityContext = optional({
  seLinuxOptions,
  windowsOptions,
  runAsUser: int64,
  runAsGroup: int64,
  runAsNonRoot: flag,
  supplementalGroups: list(int64),
  supplementalGroupsPolicy: text,
  fsGroup: int64,
  fsGroupChangePolicy: text,
  seLinuxChangePolicy: text,
  sysctls: list(object({ name: text, value: text })),
  seccompProfile: profile,
  appArmorProfile: profile,
})

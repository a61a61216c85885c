import { age, column } from '../columns.ts'
import { defineKind, type ObjectOf } from '../kind.ts'
import { AnyObject, int64, list, oneOf, optional, text } from '../schema.ts'
import { Conditions } from './condition.ts'

/** The virtualization as a whole: clients read its version here. */
export const KubeVirt = defineKind({
  group: 'kubevirt.io',
  version: 'v1',
  kind: 'KubeVirt',
  description: 'The virtualization as a whole: clients read its version here.',
  plural: 'kubevirts',
  shortNames: ['kv', 'kvs'],
  categories: ['all'],
  namespaced: true,
  specOptional: true,
  spec: optional({
    certificateRotateStrategy: AnyObject,
    configuration: AnyObject,
    customizeComponents: AnyObject,
    imagePullPolicy: text,
    imagePullSecrets: list(AnyObject),
    imageRegistry: text,
    imageTag: text,
    infra: AnyObject,
    monitorAccount: text,
    monitorNamespace: text,
    productComponent: text,
    productName: text,
    productVersion: text,
    serviceMonitorNamespace: text,
    synchronizationPort: text,
    uninstallStrategy: oneOf('RemoveWorkloads', 'BlockUninstallIfWorkloadsExist'),
    workloadUpdateStrategy: AnyObject,
    workloads: AnyObject,
  }),
  status: optional({
    phase: text,
    conditions: Conditions,
    defaultArchitecture: text,
    generations: list(AnyObject),
    observedDeploymentConfig: text,
    observedDeploymentID: text,
    observedGeneration: int64,
    observedKubeVirtRegistry: text,
    observedKubeVirtVersion: text,
    operatorVersion: text,
    outdatedVirtualMachineInstanceWorkloads: int64,
    synchronizationAddresses: list(text),
    targetDeploymentConfig: text,
    targetDeploymentID: text,
    targetKubeVirtRegistry: text,
    targetKubeVirtVersion: text,
  }),
  columns: [age, column('Phase', '.status.phase')],
})
export type KubeVirt = ObjectOf<typeof KubeVirt>

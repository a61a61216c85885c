import { Addon } from '@thresher/api/harvester/addon'
import { defaultObject, type DefaultObject } from './default-object.ts'

/** Names and charts under which clients look for the base add-ons. Enabling one says in its condition what is not built. */
const base: [namespace: string, name: string, chart: string][] = [
  ['harvester-system', 'harvester-seeder', 'harvester-seeder'],
  ['harvester-system', 'nvidia-driver-toolkit', 'nvidia-driver-runtime'],
  ['harvester-system', 'pcidevices-controller', 'harvester-pcidevices-controller'],
  ['harvester-system', 'vm-import-controller', 'harvester-vm-import-controller'],
  ['cattle-logging-system', 'rancher-logging', 'rancher-logging'],
  ['cattle-monitoring-system', 'rancher-monitoring', 'rancher-monitoring'],
]

/** The base add-ons, switched off. There is no repository of charts, so neither it nor a version is named. */
export const addons: DefaultObject[] = base.map(([namespace, name, chart]) =>
  defaultObject(Addon, {
    metadata: { name, namespace },
    spec: { repo: '', chart, version: '', enabled: false, valuesContent: '' },
  }),
)

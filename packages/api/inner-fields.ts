import type { FieldError } from './error.ts'
import { textsAt } from './field-values.ts'
import { innerFormats, type InnerFormat } from './inner-formats.ts'

/** The fields of a kind that hold a text with a form of its own, by path; `[]` goes through a list's items. */
export type InnerFields = Readonly<Record<string, InnerFormat>>

const below = (path: string, fields: InnerFields): InnerFields =>
  Object.fromEntries(Object.entries(fields).map(([name, format]) => [`${path}.${name}`, format]))

const podSpec: InnerFields = {
  'dnsConfig.nameservers[]': 'ip',
  'dnsConfig.searches[]': 'searchDomain',
}

const cloudInit: InnerFields = { userDataBase64: 'base64', networkDataBase64: 'base64' }

const instanceSpec: InnerFields = {
  ...podSpec,
  ...below('volumes[].cloudInitNoCloud', cloudInit),
  ...below('volumes[].cloudInitConfigDrive', cloudInit),
  'domain.devices.interfaces[].macAddress': 'mac',
  'networks[].pod.vmNetworkCIDR': 'cidr',
  'networks[].pod.vmIPv6NetworkCIDR': 'cidr',
}

const dataVolume: InnerFields = {
  'http.url': 'webUrl',
  's3.url': 'url',
  'gcs.url': 'url',
  'registry.url': 'url',
  'imageio.url': 'webUrl',
  'vddk.url': 'url',
}

const machine: InnerFields = {
  ...below('spec.template.spec', instanceSpec),
  ...below('spec.dataVolumeTemplates[].spec.source', dataVolume),
}

const webhooks: InnerFields = { 'webhooks[].clientConfig.url': 'httpsUrl' }
const workload = below('spec.template.spec', podSpec)

/**
 * Every field whose text has a form of its own and is not checked by its schema's `format`, by `plural.group`.
 *
 * KubeVirt reads a guest's network data only in the guest, so its YAML is not checked here either. A webhook's `caBundle` is
 * not read as PEM: Kubernetes takes placeholders there, which an injector replaces later.
 */
export const innerFields: Readonly<Record<string, InnerFields>> = {
  'virtualmachines.kubevirt.io': machine,
  'virtualmachineinstances.kubevirt.io': below('spec', instanceSpec),
  'virtualmachinetemplateversions.harvesterhci.io': below('spec.vm', machine),
  'schedulevmbackups.harvesterhci.io': { 'spec.cron': 'cron' },
  'ippools.loadbalancer.harvesterhci.io': {
    'spec.ranges[].subnet': 'cidr',
    'spec.ranges[].rangeStart': 'ip',
    'spec.ranges[].rangeEnd': 'ip',
    'spec.ranges[].gateway': 'ip',
  },
  'pods.': below('spec', podSpec),
  'replicationcontrollers.': workload,
  'deployments.apps': workload,
  'replicasets.apps': workload,
  'statefulsets.apps': workload,
  'daemonsets.apps': workload,
  'jobs.batch': workload,
  'cronjobs.batch': { 'spec.schedule': 'cron', ...below('spec.jobTemplate.spec.template.spec', podSpec) },
  'nodes.': { 'spec.podCIDR': 'cidr', 'spec.podCIDRs[]': 'cidr' },
  'services.': {
    'spec.clusterIP': 'clusterIp',
    'spec.clusterIPs[]': 'clusterIp',
    'spec.externalIPs[]': 'ip',
    'spec.loadBalancerSourceRanges[]': 'cidr',
    'spec.externalName': 'dnsName',
  },
  'servicecidrs.networking.k8s.io': { 'spec.cidrs[]': 'cidr' },
  'networkpolicies.networking.k8s.io': {
    'spec.ingress[].from[].ipBlock.cidr': 'cidr',
    'spec.ingress[].from[].ipBlock.except[]': 'cidr',
    'spec.egress[].to[].ipBlock.cidr': 'cidr',
    'spec.egress[].to[].ipBlock.except[]': 'cidr',
  },
  'ingresses.networking.k8s.io': { 'spec.rules[].host': 'host', 'spec.tls[].hosts[]': 'host' },
  'certificatesigningrequests.certificates.k8s.io': { 'spec.request': 'certificateRequest' },
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': webhooks,
  'validatingwebhookconfigurations.admissionregistration.k8s.io': webhooks,
  'customresourcedefinitions.apiextensions.k8s.io': { 'spec.conversion.webhook.clientConfig.url': 'httpsUrl' },
}

/** What is wrong with those fields of an object; empty texts stand for none. */
export function checkInnerFields(fields: InnerFields, object: unknown): FieldError[] {
  return Object.entries(fields).flatMap(([path, format]) =>
    textsAt(object, path).flatMap(({ field, value }) => {
      const message = innerFormats[format](value, field)
      return message === undefined ? [] : [{ field, message }]
    }),
  )
}

import type { SettingDeclaration } from './declaration.ts'
import { flagField, isWebAddress, jsonObject, trueOrFalse, webAddress, wholeNumber, word } from './checks.ts'

const level = word('panic', 'fatal', 'error', 'warn', 'info', 'debug', 'trace')
const strategies = ['skip', 'sequential', 'parallel']

function checkUpgrade(config: Record<string, unknown>): string[] {
  const preload = (config.imagePreloadOption ?? {}) as { strategy?: { type?: unknown } }
  const type = preload.strategy?.type
  return [
    ...flagField(config, 'restoreVM'),
    ...(type === undefined || strategies.some((strategy) => strategy === type)
      ? []
      : [`imagePreloadOption.strategy.type must be one of ${strategies.join(', ')}`]),
  ]
}

/** Settings about running and looking after the cluster. */
export const operationSettings: SettingDeclaration[] = [
  {
    name: 'server-version',
    default: '',
    about: 'The version of Harvester whose API this server speaks; the server sets it anew at its start.',
    check: (value) =>
      /^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(value) ? [] : ['must be a version, such as v1.8.0; clients read it'],
  },
  {
    name: 'log-level',
    default: 'info',
    about: 'How much the server writes to its log.',
    check: (value) => level(value.toLowerCase()),
  },
  {
    name: 'support-bundle-image',
    default: '{"repository":"rancher/support-bundle-kit","tag":"v0.0.25","imagePullPolicy":"IfNotPresent"}',
    about: 'The image that collects support bundles.',
    check: jsonObject((image) =>
      ['repository', 'tag', 'imagePullPolicy']
        .filter((name) => typeof image[name] !== 'string' || image[name] === '')
        .map((name) => `image field can't be blank: ${name}`),
    ),
  },
  { name: 'support-bundle-namespaces', default: '', about: 'Further namespaces in support bundles, commas between.' },
  {
    name: 'support-bundle-timeout',
    default: '10',
    about: 'Minutes until the making of a support bundle is given up; 0 is never.',
    check: wholeNumber(0, 525_600, { low: "timeout can't be negative" }),
  },
  {
    name: 'support-bundle-expiration',
    default: '30',
    about: 'Minutes that a support bundle is kept; 0 takes the default.',
    check: wholeNumber(0, 525_600, { low: "expiration can't be negative" }),
  },
  {
    name: 'support-bundle-node-collection-timeout',
    default: '30',
    about: 'Minutes that collecting from one host may take; 0 takes the default.',
    check: wholeNumber(0, 525_600, { low: "timeout can't be negative" }),
  },
  { name: 'support-bundle-file-name', default: '', about: 'The name of the support bundle file.' },
  { name: 'upgradable-versions', default: '', about: 'Versions that this one can be upgraded to.' },
  {
    name: 'upgrade-checker-enabled',
    default: 'true',
    about: 'Whether new versions are looked for.',
    check: trueOrFalse,
  },
  {
    name: 'upgrade-checker-url',
    default: 'https://harvester-upgrade-responder.rancher.io/v1/checkupgrade',
    about: 'Where new versions are looked for.',
    check: webAddress,
  },
  {
    name: 'upgrade-config',
    default:
      '{"imagePreloadOption":{"strategy":{"type":"sequential"}},"nodeUpgradeOption":{"strategy":{"mode":"auto"}},"restoreVM":false,"logReadyTimeout":"5"}',
    about: 'How an upgrade goes about it.',
    check: jsonObject(checkUpgrade),
  },
  {
    name: 'release-download-url',
    default: 'https://releases.rancher.com/harvester',
    about: 'Where releases are downloaded from.',
    check: webAddress,
  },
  {
    name: 'harvester-csi-ccm-versions',
    default: '{"harvester-cloud-provider":">=0.0.1 <0.3.0","harvester-csi-provider":">=0.0.1 <0.3.0"}',
    about: 'Versions of the storage driver and cloud provider that guest clusters can use.',
    check: jsonObject(() => []),
  },
]

/** Settings about the dashboard. */
export const dashboardSettings: SettingDeclaration[] = [
  { name: 'api-ui-version', default: '1.1.9', about: 'The version of the API browser.' },
  {
    name: 'ui-index',
    default: '/dashboard/index.html',
    about: 'The page that the dashboard starts from.',
    check: (value) =>
      value.startsWith('/') || isWebAddress(value)
        ? []
        : ['must be a path, or a URL that begins with http:// or https://'],
  },
  { name: 'ui-path', default: '', about: "The directory of the dashboard's files." },
  {
    name: 'ui-source',
    default: 'auto',
    about: 'Where the dashboard comes from.',
    check: word('auto', 'external', 'bundled'),
  },
  { name: 'ui-plugin-index', default: '', about: "The page of the dashboard's extension." },
  { name: 'branding', default: '{}', about: 'Name, logo and colours of the dashboard.', check: jsonObject(() => []) },
]

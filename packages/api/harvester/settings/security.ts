import { certificateFault, certificatesIn } from '../../pem-certificate.ts'
import type { SettingDeclaration } from './declaration.ts'
import { flagField, jsonObject, numberField, webAddress, wholeNumber } from './checks.ts'

const protocols = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3', 'SSLv2', 'SSLv3']

function checkCertificates(pem: string): string[] {
  const found = certificatesIn(pem)
  if (found.length === 0) return ['failed to append custom certificates: there is no PEM certificate in it']
  return found.flatMap((one, index) => {
    const fault = certificateFault(one)
    return fault ? [`failed to append custom certificates: certificate ${index + 1}: ${fault}`] : []
  })
}

/** Settings about certificates, tokens and rights. */
export const securitySettings: SettingDeclaration[] = [
  {
    name: 'additional-ca',
    default: '',
    about: 'Further certificate authorities, in PEM, that the cluster trusts.',
    check: checkCertificates,
  },
  {
    name: 'auto-rotate-rke2-certs',
    default: '{"enable":false,"expiringInHours":240}',
    about: 'Whether certificates are renewed by themselves, and how long before they expire.',
    check: jsonObject((rotation) => {
      const { expiringInHours: hours } = rotation
      if (typeof hours === 'number' && hours <= 0) return ["expiringInHours can't be negative or zero"]
      if (typeof hours === 'number' && hours > 8759) return ["expiringInHours can't be large than 8759"]
      return [...flagField(rotation, 'enable'), ...numberField(rotation, 'expiringInHours', 1, 8759)]
    }),
  },
  {
    name: 'ssl-certificates',
    default: '{}',
    about: 'The certificate under which the API and the dashboard are reached.',
    check: jsonObject((given) => {
      const { ca, publicCertificate, privateKey } = given
      if (Object.values(given).every((part) => part === '')) return []
      if (Object.keys(given).length === 0) return []
      const errors = typeof ca === 'string' && ca !== '' ? checkCertificates(ca) : []
      if (typeof publicCertificate !== 'string' || typeof privateKey !== 'string' || !publicCertificate || !privateKey)
        return [...errors, 'publicCertificate and privateKey are both needed']
      return [...errors, ...checkCertificates(publicCertificate)]
    }),
  },
  {
    name: 'ssl-parameters',
    default: '{}',
    about: 'The TLS versions and ciphers that are offered.',
    check: jsonObject(({ protocols: given }) =>
      typeof given === 'string' && given !== ''
        ? given
            .split(/\s+/)
            .filter((protocol) => !protocols.includes(protocol))
            .map((protocol) => `unsupported SSL protocol: ${protocol}`)
        : [],
    ),
  },
  {
    name: 'traefik-default-tls-options',
    default: '{"minVersion":"VersionTLS12","maxVersion":"VersionTLS13"}',
    about: 'The TLS versions that are offered; takes the place of ssl-parameters.',
    check: jsonObject(() => []),
  },
  {
    name: 'kubeconfig-default-token-ttl-minutes',
    default: '0',
    about: 'Minutes until the token in a downloaded kubeconfig expires; 0 is never.',
    check: wholeNumber(0, 52_560_000, { low: "can't be negative: give 0 or more minutes" }),
  },
  {
    name: 'cluster-pod-security-standard',
    default: '{"enabled":false}',
    about: 'Whether pods are held to a security standard, and in which namespaces to which.',
    check: jsonObject((standard) => flagField(standard, 'enabled')),
  },
  {
    name: 'containerd-registry',
    default: '',
    about: 'Mirrors and credentials of container registries.',
    check: jsonObject(() => []),
  },
  {
    name: 'cluster-registration-url',
    default: '',
    about: 'The address under which this cluster registers with Rancher.',
    check: (value) => (value.startsWith('{') ? jsonObject(checkRegistration)(value) : webAddress(value)),
  },
  {
    name: 'rancher-cluster',
    default: '{}',
    about: 'How this cluster behaves towards the Rancher it is in.',
    check: jsonObject((cluster) => flagField(cluster, 'removeUpstreamClusterWhenNamespaceIsDeleted')),
  },
]

function checkRegistration(registration: Record<string, unknown>): string[] {
  const { url } = registration
  const errors = flagField(registration, 'insecureSkipTLSVerify')
  return typeof url === 'string' && url !== '' ? [...errors, ...webAddress(url)] : errors
}

import { stringify } from 'yaml'
import { writePrivateFile } from './private-file.ts'

/** How to reach a cluster, and as whom: by a client certificate or by a token. */
export type KubeconfigOptions = {
  /** `https://host:port` */
  server: string
  /** The authority's certificate as PEM. */
  ca: string
  /** The name of the cluster, the user and the context. */
  name: string
  namespace?: string
} & ({ cert: string; key: string } | { token: string })

/** A kubeconfig as kubectl and client-go read it. */
export function formatKubeconfig(options: KubeconfigOptions): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const user =
    'token' in options
      ? { token: options.token }
      : { 'client-certificate-data': base64(options.cert), 'client-key-data': base64(options.key) }
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        { name: options.name, cluster: { server: options.server, 'certificate-authority-data': base64(options.ca) } },
      ],
      users: [{ name: options.name, user }],
      contexts: [
        {
          name: options.name,
          context: {
            cluster: options.name,
            user: options.name,
            ...(options.namespace ? { namespace: options.namespace } : {}),
          },
        },
      ],
      'current-context': options.name,
    },
    { lineWidth: 0 },
  )
}

/** Write a kubeconfig that only its owner may read (0600). */
export async function writeKubeconfig(path: string, options: KubeconfigOptions): Promise<void> {
  await writePrivateFile(path, formatKubeconfig(options))
}

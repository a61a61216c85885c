import { kubectlFor, type Kubectl } from '@thresher/apiserver/kubectl'
import { afterAll, beforeAll } from 'vitest'
import { startWholeServer, type WholeServer } from '../security/whole-server.ts'

/** A whole server and a real kubectl for all tests of a file; there while they run. */
export interface ServerWithKubectl {
  readonly server: WholeServer
  readonly kubectl: Kubectl
}

export function serverWithKubectl(): ServerWithKubectl {
  const under = {} as { server: WholeServer; kubectl: Kubectl }
  beforeAll(async () => {
    under.server = await startWholeServer()
    under.kubectl = await kubectlFor(under.server.kubeconfig)
  })
  afterAll(async () => {
    await under.kubectl[Symbol.asyncDispose]()
    await under.server.close()
  })
  return under
}

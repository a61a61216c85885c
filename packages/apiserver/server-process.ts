import { ConfigMap } from '@thresher/api/core/config-map'
import { Namespace } from '@thresher/api/core/namespace'
import { startTestServer } from './testing.ts'

/** An API server in a process of its own, for tests that kill it: `node server-process.ts <directory> <port>`. */
const [, , directory, port] = process.argv
const server = await startTestServer({ kinds: [Namespace, ConfigMap], directory: directory!, port: Number(port) })
const certificate = server.certificate({ name: 'admin', groups: ['system:masters'] })
process.send?.({ port: server.http.port, ca: server.pki.ca.cert, ...certificate })
process.on('disconnect', () => process.exit())

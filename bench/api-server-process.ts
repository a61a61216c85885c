import { createServer } from 'node:https'
import { kinds } from '@thresher/api/kinds'
import { startTestServer } from '@thresher/apiserver/testing'
import { Sample } from './api-shapes.ts'

/** The process that is measured: the API server over HTTPS, or (`canned`) a Node HTTPS server that always says the same. */
const [, , mode, directory] = process.argv

const server = await startTestServer({ kinds: [...kinds, Sample], directory: directory! })
const certificate = server.certificate({ name: 'admin', groups: ['system:masters'] })
let url = server.url
if (mode === 'canned') {
  const body = Buffer.from(JSON.stringify({ filler: 'x'.repeat(2800) }))
  const canned = createServer({ cert: server.pki.server.cert, key: server.pki.server.key }, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body)
  })
  await new Promise<void>((resolve) => canned.listen(0, '127.0.0.1', resolve))
  url = `https://127.0.0.1:${(canned.address() as { port: number }).port}`
}
process.send?.({ url, ca: server.pki.ca.cert, ...certificate, pid: process.pid })
process.on('disconnect', () => process.exit())

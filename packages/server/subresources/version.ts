import { kubevirtVersion } from '@thresher/api/kubevirt/version'
import process from 'node:process'
import type { Operation } from './handler.ts'

/** `GET version`: what virtctl prints as the server's version. */
export const version: Operation = {
  plural: '',
  subresource: 'version',
  methods: ['GET'],
  namespaced: false,
  handle: () =>
    Promise.resolve({
      status: 200,
      body: {
        gitVersion: kubevirtVersion,
        gitCommit: '',
        gitTreeState: 'clean',
        buildDate: '1970-01-01T00:00:00Z',
        goVersion: '',
        compiler: 'node',
        platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
      },
    }),
}

/** `GET healthz`: whether this API answers. */
export const healthz: Operation = {
  plural: '',
  subresource: 'healthz',
  methods: ['GET'],
  namespaced: false,
  handle: () => Promise.resolve({ status: 200, body: { status: 'ok' } }),
}

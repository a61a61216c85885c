import { describe, expect, test } from 'vitest'
import { parseProtobuf } from './envelope.ts'

/** A field with bytes: its number and wire type 2, the length, the content. */
const field = (number: number, content: Buffer | string) => {
  const bytes = Buffer.from(content as string)
  return Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes])
}
const number = (at: number, value: number) => Buffer.from([at * 8, value])
const body = (apiVersion: string, kind: string, ...fields: Buffer[]) =>
  Buffer.concat([
    Buffer.from('k8s\0', 'latin1'),
    field(1, Buffer.concat([field(1, apiVersion), field(2, kind)])),
    field(2, Buffer.concat(fields)),
  ])

describe('a protobuf body', () => {
  test('of a review becomes what JSON would have said', () => {
    const attributes = Buffer.concat([field(1, 'default'), field(2, 'get'), field(5, 'pods')])
    expect(
      parseProtobuf(body('authorization.k8s.io/v1', 'SelfSubjectAccessReview', field(2, field(1, attributes)))),
    ).toEqual({
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { namespace: 'default', verb: 'get', resource: 'pods' } },
    })
  })

  test('keeps pointers to zero and leaves out what is merely empty', () => {
    const spec = Buffer.concat([number(1, 0), number(5, 0), number(7, 0)])
    expect(
      parseProtobuf(body('apps/v1', 'Deployment', field(1, field(1, 'web')), field(2, spec), field(3, ''))),
    ).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: { replicas: 0 },
    })
  })

  test.each([
    ['of a kind without a protobuf form', body('example.org/v1', 'Node'), 415],
    ['of a message that is no kind', body('v1', 'PodSpec'), 415],
    ['without the magic number', Buffer.from('nothing'), 400],
    ['that ends too early', body('v1', 'ConfigMap', Buffer.from([10, 50, 1])), 400],
    ['with broken text', body('v1', 'ConfigMap', field(1, field(1, Buffer.from([0xff, 0xfe])))), 400],
    [
      'with the prototype as a key',
      body('v1', 'ConfigMap', field(2, Buffer.concat([field(1, '__proto__'), field(2, 'x')]))),
      400,
    ],
  ])('%s is refused', (_what, bytes, code) => {
    expect(() => parseProtobuf(bytes)).toThrow(expect.objectContaining({ code }) as Error)
  })
})

import { describe, expect, it } from 'vitest'
import { checkInnerFields, innerFields } from './inner-fields.ts'
import { innerFormats, type InnerFormat } from './inner-formats.ts'
import type { JsonSchema } from './kind.ts'
import { kinds } from './kinds.ts'

const csr = btoa('-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n')
const examples: Record<InnerFormat, { good: string[]; bad: string[] }> = {
  base64: { good: ['aGk=', 'aGkh', 'YQ==', 'aG\nkh\n'], bad: ['#cloud-config', 'aGk', 'aG=k', 'a===', 'aGk_'] },
  certificateRequest: { good: [csr], bad: ['aGk=', 'nothing', csr.slice(4)] },
  cidr: {
    good: ['10.0.0.0/8', '0.0.0.0/0', 'fd00::/64'],
    bad: ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/08', '10.0.0.0/8/9', '10.0.0/8', 'fd00::/129', '/8'],
  },
  clusterIp: { good: ['None', '10.53.0.1', 'fd00::1'], bad: ['none', '10.53.0', 'kubernetes'] },
  cron: {
    good: ['0 3 * * *', '*/5 0-6/2 1,15 JAN-mar sun', '@daily', '@every 1h30m', ' 0  3 ? * 6 '],
    bad: [
      '60 3 * * *',
      '0 24 * * *',
      '0 3 0 * *',
      '0 3 * 13 *',
      '0 3 * * 7',
      '5-1 * * * *',
      '*/0 * * * *',
      '1,, * * * *',
    ],
  },
  dnsName: {
    good: ['a', 'a.example.com', 'a.example.com.'],
    bad: ['A.com', 'a..b', '-a', 'a_b', 'a'.repeat(64), '*.a'],
  },
  host: { good: ['a.example.com', '*.example.com'], bad: ['*', 'a.*.com', '10.0.0.1:80', 'a b'] },
  httpsUrl: { good: ['https://a/b?c'], bad: ['http://a', 'https://', 'a', 'javascript:alert(1)'] },
  ip: { good: ['192.0.2.1', '::1'], bad: ['192.0.2.256', '192.0.2', '192.0.2.01', 'a'] },
  mac: {
    good: ['52:54:00:12:34:56', '52-54-00-AB-CD-EF'],
    bad: ['52:54:00:12:34', '52:54-00:12:34:56', '525400123456'],
  },
  searchDomain: { good: ['.', 'example.com', '_tcp.example.com.'], bad: ['a b', 'A', '..'] },
  url: { good: ['docker://quay.io/a', 's3://bucket/a'], bad: ['quay.io/a', 'file:///etc/passwd', 'http://'] },
  webUrl: { good: ['http://a/b', 'https://a'], bad: ['ftp://a', 'file:///etc/passwd', 'a/b'] },
}

/** An object with one text at a path: `[]` becomes a list of one. */
const objectWith = (path: string, value: string): unknown =>
  path.split('.').reduceRight<unknown>((inner, step) => {
    const name = step.replace(/\[\]$/, '')
    return { [name]: name === step ? inner : [inner] }
  }, value)

function hasPath(schema: JsonSchema | undefined, [step, ...rest]: string[]): boolean {
  if (schema?.['x-kubernetes-preserve-unknown-fields']) return true
  if (step === undefined) return schema?.type === 'string'
  const next = schema?.properties?.[step.replace(/\[\]$/, '')]
  return hasPath(step.endsWith('[]') ? next?.items : next, rest)
}

describe('fields whose text has a form of its own', () => {
  const rows = Object.entries(innerFields).flatMap(([kind, fields]) =>
    Object.entries(fields).map(([path, format]) => ({ kind, path, format, fields })),
  )

  it.each(rows)(
    '$path of $kind takes what is $format, and names the field otherwise',
    ({ kind, path, format, fields }) => {
      const declared = kinds.filter((one) => `${one.plural}.${one.group}` === kind)
      expect(declared.length).toBeGreaterThan(0)
      for (const one of declared) {
        expect(hasPath(one.schema, path.split('.'))).toBe(true)
        expect(one).toHaveProperty('check')
      }
      for (const value of examples[format].good) expect(checkInnerFields(fields, objectWith(path, value))).toEqual([])
      for (const value of examples[format].bad)
        expect(checkInnerFields(fields, objectWith(path, value))).toEqual([
          expect.objectContaining({ field: path.replaceAll('[]', '[0]') }),
        ])
      expect(checkInnerFields(fields, objectWith(path, ''))).toEqual([])
    },
  )

  it("says in KubeVirt's words that a guest's data is not base64", () => {
    const at = 'spec.template.spec.volumes[].cloudInitNoCloud.networkDataBase64'
    const [error] = checkInnerFields(innerFields['virtualmachines.kubevirt.io']!, objectWith(at, 'not base64!'))
    expect(error?.message).toBe(`${at.replace('[]', '[0]')} is not a valid base64 value.`)
  })

  it.each(Object.keys(innerFormats) as InnerFormat[])(
    'a megabyte that is nearly %s is refused in linear time',
    (format) => {
      const hostile = ['a', '=', '.', '-', ':', '/', '*,', ' ', '0-', '-----BEGIN CERTIFICATE REQUEST-----']
      const start = performance.now()
      for (const part of hostile) innerFormats[format](`${part.repeat(1_000_000 / part.length)}!`, 'spec.field')
      expect(performance.now() - start).toBeLessThan(5000)
    },
  )
})

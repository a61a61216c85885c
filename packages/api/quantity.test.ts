import { describe, expect, test } from 'vitest'
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatBytes,
  formatCpu,
  isQuantity,
  parseBytes,
  parseCpu,
  quantityWriter,
  subtractQuantities,
} from './quantity.ts'
import type { JsonSchema } from './kind.ts'
import { list, mapTo, optional, Quantity, text } from './schema.ts'

describe('a quantity', () => {
  test('is read as bytes, exactly and rounded up', () => {
    const cases: [string | number, number][] = [
      ['512Mi', 536_870_912],
      ['1.5G', 1_500_000_000],
      ['1e3', 1000],
      ['1.5Gi', 1_610_612_736],
      ['100m', 1],
      ['0.1Ki', 103],
      [2048, 2048],
      ['+3', 3],
      ['8191Ti', 8191 * 2 ** 40],
    ]
    for (const [written, bytes] of cases) expect(parseBytes(written)).toBe(bytes)
  })

  test('is read as thousandths of a core', () => {
    const cases: [string | number, number][] = [
      ['500m', 500],
      ['0.1', 100],
      [2, 2000],
      ['1n', 1],
      ['1.0005', 1001],
    ]
    for (const [written, millicores] of cases) expect(parseCpu(written)).toBe(millicores)
  })

  test('that is none, negative or too large is refused', () => {
    for (const written of ['', 'Gi', '1GiB', '1 Gi', '.', '1e', '0x10', 'NaN', '1e31', '9'.repeat(65), '1,5'])
      expect(() => parseBytes(written), written).toThrow(RangeError)
    expect(() => parseBytes('-1')).toThrow('negative')
    expect(() => parseBytes('7Pi')).not.toThrow()
    expect(() => parseBytes('8Ei')).toThrow('too large')
    expect(isQuantity('1e999999999')).toBe(false)
    expect(isQuantity({})).toBe(false)
  })

  test('is compared by its worth, not by how it is written', () => {
    expect(compareQuantities('1Gi', '1024Mi')).toBe(0)
    expect(compareQuantities('1', '1000m')).toBe(0)
    expect(compareQuantities('1G', '1Gi')).toBe(-1)
    expect(compareQuantities('9007199254740993', '9007199254740992')).toBe(1)
  })

  test('is added and taken away without loss', () => {
    expect(addQuantities('1Gi', '512Mi')).toBe('1536Mi')
    expect(addQuantities('500m', '1')).toBe('1500m')
    expect(addQuantities('0', '2Gi')).toBe('2Gi')
    expect(subtractQuantities('1', '1500m')).toBe('-500m')
    expect(subtractQuantities('2Gi', '2048Mi')).toBe('0')
  })

  test('has one canonical form', () => {
    const cases: Record<string, string> = {
      '1024Mi': '1Gi',
      '0.5': '500m',
      '1000': '1k',
      '1500m': '1500m',
      '0.5Gi': '512Mi',
      '1e3': '1e3',
      '100': '100',
      '-2048Ki': '-2Mi',
      '0': '0',
      '0.1n': '1n',
    }
    for (const [written, canonical] of Object.entries(cases))
      expect(canonicalQuantity(written), written).toBe(canonical)
  })

  test('is written in the largest unit that fits', () => {
    expect(formatBytes(2_147_483_648)).toBe('2Gi')
    expect(formatBytes(1000)).toBe('1000')
    expect(formatBytes(1536)).toBe('1536')
    expect(formatCpu(1500)).toBe('1500m')
    expect(formatCpu(2000)).toBe('2')
  })
})

describe('quantities in objects', () => {
  const schema: JsonSchema = optional({
    size: Quantity,
    name: text,
    by: mapTo(Quantity),
    items: list(optional({ at: Quantity })),
  }) as JsonSchema

  test('become text where they are numbers, and canonical where the kind is Kubernetes’ own', () => {
    const given = () => ({ size: 1024, name: '1024Mi', by: { cpu: 0.5, memory: '1024Mi' }, items: [{ at: '2000m' }] })
    const own = given()
    quantityWriter(schema, true)?.(own)
    expect(own).toEqual({ size: '1024', name: '1024Mi', by: { cpu: '500m', memory: '1Gi' }, items: [{ at: '2' }] })
    const other = given()
    quantityWriter(schema, false)?.(other)
    expect(other).toEqual({
      size: '1024',
      name: '1024Mi',
      by: { cpu: '500m', memory: '1024Mi' },
      items: [{ at: '2000m' }],
    })
  })

  test('that are malformed are left for validation', () => {
    const object = { size: 'much', by: 'nothing', items: [null, 3] }
    quantityWriter(schema, true)?.(object)
    expect(object).toEqual({ size: 'much', by: 'nothing', items: [null, 3] })
  })
})

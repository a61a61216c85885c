import { linkSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readQemuFile } from './qemu-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'qemu-file-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('a plain file is read, a link in its place is not', () => {
  const plain = join(folder, 'plain')
  writeFileSync(plain, 'x')
  expect(readQemuFile(plain).toString()).toBe('x')
  symlinkSync(plain, join(folder, 'symbolic'))
  expect(() => readQemuFile(join(folder, 'symbolic'))).toThrow('ELOOP')
  linkSync(plain, join(folder, 'hard'))
  expect(() => readQemuFile(plain)).toThrow('no plain file')
  expect(() => readQemuFile(folder)).toThrow('no plain file')
})

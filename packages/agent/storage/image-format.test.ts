import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { detectForm } from './image-format.ts'

const MiB = 1024 * 1024
let folder: string
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'thresher-form-'))))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function detect(content: Buffer | string) {
  const path = join(folder, 'file')
  writeFileSync(path, content)
  return detectForm(path, 'image default/one')
}

/** Noise with these bytes at a place, counted from the end where it is negative. */
function noise(bytes = MiB, at = 0, mark: Buffer | string = ''): Buffer {
  const content = randomBytes(bytes)
  // Nothing else may show by chance.
  for (const place of [0, 510, 0x438, 0x400]) content.fill(1, place, place + 8)
  Buffer.from(mark as string, 'latin1').copy(content, at < 0 ? bytes + at : at)
  return content
}

describe('a file that is no disk image is refused with what it is', () => {
  it.each([
    ['a web page', '<!DOCTYPE html><html><body>Sign in</body></html>', 'web page'],
    ['a web page after an empty line', '\r\n\n  <html lang="en">', 'web page'],
    ['a web page after a byte order mark', '\ufeff<!doctype HTML>', 'web page'],
    ['a large web page', `<html>${'<p>é</p>'.repeat(100_000)}`, 'web page'],
    ['a refusal of an object store', '<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>', 'object store'],
    ['an OVF', '<?xml version="1.0"?>\n<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1">', 'OVF'],
    ['other XML', '<?xml version="1.0"?><feed/>', 'XML'],
    ['JSON', ' {"message":"not found"}', 'JSON'],
    ['a JSON list', '[1, 2]', 'JSON'],
    ['a pointer of git-lfs', 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n', 'git-lfs'],
    ['checksums', `${'ab'.repeat(32)}  debian-12.qcow2\n`.repeat(400), 'checksums'],
    ['checksums of BSD', `SHA256 (disk.img) = ${'ab'.repeat(32)}\n`, 'checksums'],
    ['a signature', '-----BEGIN PGP SIGNATURE-----\n', 'signature'],
    ['a script', '#!/bin/sh\nexit 1\n', 'script'],
    ['any text', 'no such file\n', 'text'],
    ['text of UTF-16', Buffer.from('\ufeffno such file', 'utf16le'), 'text'],
    ['text with letters of many bytes that is cut', Buffer.from('ä'.repeat(50_000)).subarray(0, 80_001), 'text'],
    ['a few bytes', Buffer.from([1, 0, 2, 3]), 'only 4 bytes'],
    ['a few zeros', Buffer.alloc(5000), 'only 5000 bytes'],
    ['7-Zip', noise(MiB, 0, Buffer.from('377abcaf271c', 'hex')), '7-Zip'],
    ['RAR', noise(MiB, 0, 'Rar!\x1a\x07\x01\0'), 'RAR'],
    ['lz4', noise(MiB, 0, Buffer.from('04224d18', 'hex')), 'lz4'],
    ['lzma', noise(MiB, 0, Buffer.from('5d00008000ffffffffffffffff', 'hex')), 'lzma'],
    ['ZIP', noise(MiB, 0, 'PK\x03\x04'), 'ZIP'],
    ['a program of Windows', noise(MiB, 0, 'MZ'), 'program'],
    ['a program of Linux', noise(MiB, 0, '\x7fELF'), 'program'],
    ['Parallels’ form', noise(MiB, 0, 'WithoutFreeSpace'), 'Parallels'],
    ['Apple’s form, known by its end', noise(MiB, -512, 'koly'), 'Apple'],
    ['a description of VMDK', '# Disk DescriptorFile\nversion=1\n', 'names other files'],
    ['noise', noise(), 'no known form'],
  ])('%s', async (_, content, what) => {
    await expect(detect(content)).rejects.toMatchObject({ reason: 'Refused', message: expect.stringContaining(what) })
  })

  it('nothing at all', async () => {
    await expect(detect('')).rejects.toMatchObject({ reason: 'Corrupt' })
  })
})

describe('a disk image is known by its bytes', () => {
  it.each([
    ['a boot sector', noise(MiB, 510, Buffer.from('55aa', 'hex')), 'raw'],
    ['a partition table', noise(MiB, 512, 'EFI PART'), 'raw'],
    ['an ISO', noise(MiB, 0x8001, 'CD001'), 'raw'],
    ['ext4', noise(MiB, 0x438, Buffer.from('53ef', 'hex')), 'raw'],
    ['XFS', noise(MiB, 0, 'XFSB'), 'raw'],
    ['btrfs', noise(MiB, 0x1_0040, '_BHRfS_M'), 'raw'],
    ['LUKS', noise(MiB, 0, 'LUKS\xba\xbe'), 'raw'],
    ['an empty disk', Buffer.alloc(MiB), 'raw'],
    ['VDI', noise(MiB, 0x40, Buffer.from('7f10dabe', 'hex')), 'vdi'],
    ['VHDX', noise(MiB, 0, 'vhdxfile'), 'vhdx'],
    ['dynamic VHD', noise(MiB, 0, 'conectix'), 'vpc'],
    ['fixed VHD, known by its end', noise(MiB, -512, 'conectix'), 'vpc'],
    [
      'fixed VHD with a boot sector',
      Buffer.concat([noise(MiB, 510, '\x55\xaa'), Buffer.from('conectix'), Buffer.alloc(504)]),
      'vpc',
    ],
  ])('%s', async (_, content, format) => {
    expect(await detect(content)).toEqual({ form: 'disk', format })
  })

  it.each([
    ['gzip', '1f8b0800'],
    ['xz', 'fd377a585a000004'],
    ['zstd', '28b52ffd'],
    ['bzip2', '425a6839'],
  ])('%s is to be unpacked', async (by, mark) => {
    expect(await detect(noise(MiB, 0, Buffer.from(mark, 'hex')))).toEqual({ form: 'wrapped', by })
  })
})

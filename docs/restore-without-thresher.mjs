#!/usr/bin/env node
// Restores one disk of a backup from a copy of the repository's folder, with nothing but Node 22.15 or later: no Thresher, no network.
//
//   node restore-without-thresher.mjs FOLDER RECOVERY-KEY                      lists the backups
//   node restore-without-thresher.mjs FOLDER RECOVERY-KEY UID DISK FILE.raw    writes a disk as a raw, sparse file
//
// A bucket is copied beforehand with any S3 tool. The format is described in backup-format.md.
import { createDecipheriv, createHash, hkdfSync } from 'node:crypto'
import { existsSync, ftruncateSync, openSync, readFileSync, readdirSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'

const [folder, paper, uid, diskName, file] = process.argv.slice(2)
if (!folder || !paper) throw new Error('usage: restore-without-thresher.mjs FOLDER RECOVERY-KEY [UID DISK FILE.raw]')
const blockBytes = 2 * 1024 * 1024
const entryBytes = 48
const segmentEntries = 4096

/** The 32 bytes of the key, from Crockford's base 32; the 2 bytes behind them are of their SHA-256. */
function secretOf(text) {
  const word = text.toUpperCase().replace(/[\s-]/g, '').replace(/^TBK1/, '')
  let bits = ''
  for (const sign of word.replace(/O/g, '0').replace(/[IL]/g, '1'))
    bits += '0123456789ABCDEFGHJKMNPQRSTVWXYZ'.indexOf(sign).toString(2).padStart(5, '0')
  const bytes = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)))
  const secret = bytes.subarray(0, 32)
  const check = createHash('sha256').update(secret).digest().subarray(0, 2)
  if (bytes.length !== 34 || !check.equals(bytes.subarray(32))) throw new Error('this is no recovery key')
  return secret
}

const head = JSON.parse(readFileSync(join(folder, 'repository.json'), 'utf8'))
if (head.format !== 'thresher-backup' || head.version !== 1) throw new Error('this is no repository of version 1')
const keyFor = (purpose) => Buffer.from(hkdfSync('sha256', secretOf(paper), head.id, `thresher backup ${purpose}`, 32))
if (keyFor('check').toString('hex') !== head.check) throw new Error('the key is that of another repository')
const encryption = keyFor('encryption')

/** Version, compression, nonce (12), AES-256-GCM, tag (16); the first two bytes and the name are authenticated. */
function unseal(name, sealed) {
  if (sealed[0] !== 1) throw new Error(`an object of version ${sealed[0]}`)
  const cipher = createDecipheriv('aes-256-gcm', encryption, sealed.subarray(2, 14))
  cipher.setAAD(Buffer.concat([sealed.subarray(0, 2), name])).setAuthTag(sealed.subarray(-16))
  const content = Buffer.concat([cipher.update(sealed.subarray(14, -16)), cipher.final()])
  return sealed[1] === 1 ? zstdDecompressSync(content) : content
}

const manifestOf = (one) =>
  JSON.parse(unseal(Buffer.from(`manifest ${one}`), readFileSync(join(folder, 'manifests', one))))

/** A block by its key: blocks/<first byte>/<id>.<writer>; its name is its id. */
const blockOf = (key) => unseal(Buffer.from(key.split('/')[2].split('.')[0], 'hex'), readFileSync(join(folder, key)))

if (!uid) {
  for (const one of readdirSync(join(folder, 'manifests')).filter((name) => !name.startsWith('.'))) {
    // Its writer was given up before it was done.
    if (existsSync(join(folder, 'fenced', one))) continue
    const { time, machine, disks } = manifestOf(one)
    console.log(one, time, `${machine.namespace}/${machine.name}`, disks.map(({ name }) => name).join(' '))
  }
} else {
  const disk = manifestOf(uid).disks.find(({ name }) => name === diskName)
  if (!disk || !file) throw new Error('name a disk of this backup, and a file to write')
  const out = openSync(file, 'wx', 0o600)
  ftruncateSync(out, disk.bytes)
  for (const [index, key] of disk.segments.entries()) {
    const segment = key === '' ? Buffer.alloc(0) : blockOf(key)
    for (let at = 0; at < segment.length; at += entryBytes) {
      const [id, writer] = [
        segment.subarray(at, at + 32).toString('hex'),
        segment.subarray(at + 32, at + 48).toString('hex'),
      ]
      // Zeros are not kept.
      if (/^0+$/.test(id)) continue
      const content = blockOf(`blocks/${id.slice(0, 2)}/${id}.${writer}`)
      writeSync(out, content, 0, content.length, (index * segmentEntries + at / entryBytes) * blockBytes)
    }
  }
  console.log(`${file}: ${disk.bytes} bytes`)
}

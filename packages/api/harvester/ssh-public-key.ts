import { md5 } from '../md5.ts'

const line =
  /^(?:[^\s"]+(?:"[^"]*")?\S*\s+)?(ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)\s+([A-Za-z0-9+/]+={0,2})(?:\s+(.*))?$/
const minRsaBytes = 128

/** A public key out of one line of OpenSSH's format. */
export interface SshPublicKey {
  type: string
  blob: Uint8Array
  comment: string
}

/**
 * Read one line of OpenSSH's public key format.
 *
 * @throws {RangeError} saying what is wrong with it
 * @see RFC 4253 §6.6, RFC 5656 §3.1, RFC 8709 §4
 */
export function parseSshPublicKey(written: string): SshPublicKey {
  const match = line.exec(written.trim())
  if (!match || /[\r\n]/.test(written.trim()))
    throw new RangeError('expected one line such as `ssh-ed25519 AAAAC3… comment`')
  const [, type = '', encoded = '', comment = ''] = match
  const blob = decode(encoded)
  const parts = readParts(blob)
  if (textOf(parts[0]) !== type) throw new RangeError(`the key's data is not that of a ${type} key`)
  if (!isComplete(type, parts)) throw new RangeError(`the ${type} key is incomplete`)
  return { type, blob, comment }
}

function decode(base64: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(base64)
  } catch {
    throw new RangeError("the key's data is not base64")
  }
}

/** Bytes as text, each one a character; empty without any. */
function textOf(bytes: Uint8Array = new Uint8Array()): string {
  return String.fromCharCode(...bytes.subarray(0, 64))
}

function readParts(blob: Uint8Array): Uint8Array[] {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength)
  const parts: Uint8Array[] = []
  for (let at = 0; at < blob.length;) {
    const end = at + 4 <= blob.length ? at + 4 + view.getUint32(at) : Infinity
    if (end > blob.length) throw new RangeError("the key's data is cut off")
    parts.push(blob.subarray(at + 4, end))
    at = end
  }
  return parts
}

function isComplete(type: string, parts: Uint8Array[]): boolean {
  const sizes = parts.map((part) => part.length)
  if (type === 'ssh-rsa') return parts.length === 3 && (sizes[1] ?? 0) > 0 && (sizes[2] ?? 0) >= minRsaBytes
  if (type === 'ssh-ed25519') return parts.length === 2 && sizes[1] === 32
  if (type.startsWith('sk-')) return parts.length >= 3
  const curve = textOf(parts[1])
  return parts.length === 3 && type === `ecdsa-sha2-${curve}` && parts[2]?.[0] === 4
}

/** The fingerprint in the old colon form, MD5 in hex, as Harvester shows it. */
export function md5Fingerprint(key: SshPublicKey): string {
  const hex = md5(key.blob).toHex()
  return hex.match(/../g)?.join(':') ?? ''
}

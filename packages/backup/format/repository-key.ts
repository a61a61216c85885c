import { createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'

/** The one secret of a repository, of which all its keys are made. */
const keyBytes = 32
/** Of a hash, behind the key in its text, so that a slip of the pen is noticed. */
const checkBytes = 2
/** Crockford's alphabet: without I, L, O and U, which are read wrongly. @see https://www.crockford.com/base32.html */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const prefix = 'TBK1'

/** The secret of a repository. Whoever has it reads every backup there; without it nobody does. */
export class RepositoryKey {
  readonly #secret: Buffer

  private constructor(secret: Buffer) {
    this.#secret = secret
  }

  static generate(): RepositoryKey {
    return new RepositoryKey(randomBytes(keyBytes))
  }

  /** Read a key as a person has written it down: case, blanks and the usual slips do not matter. @throws {RangeError} */
  static parse(text: string): RepositoryKey {
    const word = text.toUpperCase().replaceAll(/[\s-]/g, '')
    if (!word.startsWith(prefix)) throw new RangeError(`a recovery key begins with ${prefix}`)
    const bytes = decode(word.slice(prefix.length).replaceAll('O', '0').replaceAll(/[IL]/g, '1'))
    const secret = bytes.subarray(0, keyBytes)
    if (bytes.length !== keyBytes + checkBytes || !checkOf(secret).equals(bytes.subarray(keyBytes)))
      throw new RangeError('this is no recovery key: a sign is missing or wrong; compare it with the paper')
    return new RepositoryKey(Buffer.from(secret))
  }

  /** The key for paper and for a Secret, in groups of five. */
  text(): string {
    const word = encode(Buffer.concat([this.#secret, checkOf(this.#secret)]))
    return [prefix, ...word.match(/.{1,5}/g)!].join('-')
  }

  /** The keys of one repository. @param repository its id, so that two repositories of one secret share no key */
  derive(repository: string): DerivedKeys {
    const key = (purpose: string) =>
      Buffer.from(hkdfSync('sha256', this.#secret, repository, `thresher backup ${purpose}`, 32))
    return { encryption: key('encryption'), identity: key('identity'), check: key('check').toString('hex') }
  }
}

export interface DerivedKeys {
  /** For AES-256-GCM. */
  encryption: Buffer
  /** For HMAC-SHA-256, which names a block by its content: without the key nobody can tell whether a known file is in it. */
  identity: Buffer
  /** Kept in the clear in the repository, to tell a wrong key before anything is read. */
  check: string
}

/** The name of what has this content. */
export function identityOf(keys: Pick<DerivedKeys, 'identity'>, content: Uint8Array): Buffer {
  return createHmac('sha256', keys.identity).update(content).digest()
}

/** Whether two texts are alike, without telling by time where they differ. */
export function sameText(a: string, b: string): boolean {
  const [one, other] = [Buffer.from(a), Buffer.from(b)]
  return one.length === other.length && timingSafeEqual(one, other)
}

function checkOf(secret: Buffer): Buffer {
  return createHash('sha256').update(secret).digest().subarray(0, checkBytes)
}

function encode(bytes: Buffer): string {
  let text = ''
  let bits = 0
  let value = 0
  for (const byte of bytes) {
    value = (value << 8) | byte
    for (bits += 8; bits >= 5; bits -= 5) text += alphabet[(value >>> (bits - 5)) & 31]
    value &= (1 << bits) - 1
  }
  return bits > 0 ? text + alphabet[(value << (5 - bits)) & 31] : text
}

function decode(text: string): Buffer {
  const bytes: number[] = []
  let bits = 0
  let value = 0
  for (const sign of text) {
    const digit = alphabet.indexOf(sign)
    if (digit < 0) throw new RangeError(`${sign} is no sign of a recovery key`)
    value = (value << 5) | digit
    bits += 5
    if (bits >= 8) {
      bits -= 8
      bytes.push((value >>> bits) & 255)
    }
    value &= (1 << bits) - 1
  }
  return Buffer.from(bytes)
}

const shifts = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21]
const constants = Array.from({ length: 64 }, (_, index) => Math.floor(Math.abs(Math.sin(index + 1)) * 2 ** 32) | 0)

/**
 * The MD5 digest of some bytes, for fingerprints that are shown in this form by tradition; it secures nothing.
 *
 * @returns 16 bytes
 * @see RFC 1321
 */
export function md5(bytes: Uint8Array): Uint8Array {
  const padded = pad(bytes)
  const state = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476]
  for (let block = 0; block < padded.byteLength; block += 64) digestBlock(state, padded, block)
  const digest = new DataView(new ArrayBuffer(16))
  state.forEach((word, index) => digest.setInt32(index * 4, word, true))
  return new Uint8Array(digest.buffer)
}

/** A one bit, zeros, and the length in bits as 64 bits, up to a whole number of blocks. */
function pad(bytes: Uint8Array): DataView {
  const padded = new Uint8Array((((bytes.length + 8) >> 6) + 1) * 64)
  padded.set(bytes)
  padded[bytes.length] = 0x80
  const view = new DataView(padded.buffer)
  view.setUint32(padded.length - 8, bytes.length << 3, true)
  view.setUint32(padded.length - 4, Math.floor(bytes.length / 2 ** 29), true)
  return view
}

function digestBlock(state: number[], words: DataView, offset: number): void {
  let [a, b, c, d] = state as [number, number, number, number]
  for (let step = 0; step < 64; step++) {
    const round = step >> 4
    const [mixed, word] = mix(round, step, b, c, d)
    const sum = (a + mixed + constants[step]! + words.getInt32(offset + word * 4, true)) | 0
    const shift = shifts[round * 4 + (step & 3)]!
    ;[a, d, c, b] = [d, c, b, (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0]
  }
  ;[a, b, c, d].forEach((word, index) => (state[index] = (state[index]! + word) | 0))
}

/** The round's function of three words, and which word of the block the step takes. */
function mix(round: number, step: number, b: number, c: number, d: number): [number, number] {
  if (round === 0) return [(b & c) | (~b & d), step]
  if (round === 1) return [(d & b) | (~d & c), (5 * step + 1) & 15]
  if (round === 2) return [b ^ c ^ d, (3 * step + 5) & 15]
  return [c ^ (b | ~d), (7 * step) & 15]
}

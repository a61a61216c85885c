import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { fileOfForm } from './multipart.ts'

const type = 'multipart/form-data; boundary=----WebKitFormBoundaryABC'
const part = (name: string, content: Buffer | string, file = true) =>
  Buffer.concat([
    Buffer.from(
      `------WebKitFormBoundaryABC\r\nContent-Disposition: form-data; name="${name}"${file ? '; filename="a.img"\r\nContent-Type: application/octet-stream' : ''}\r\n\r\n`,
    ),
    Buffer.from(content),
    Buffer.from('\r\n'),
  ])
const end = Buffer.from('------WebKitFormBoundaryABC--\r\n')

async function* inPieces(whole: Buffer, size: number) {
  for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size)
}

async function read(whole: Buffer, size = 7, contentType = type): Promise<Buffer> {
  const out: Buffer[] = []
  for await (const piece of fileOfForm(inPieces(whole, size), contentType)) out.push(Buffer.from(piece))
  return Buffer.concat(out)
}

describe('the file in a form', () => {
  it.each([1, 2, 7, 40, 64, 1000, 100_000])('is what was sent, in pieces of %i bytes', async (size) => {
    const content = Buffer.concat([
      randomBytes(3000),
      Buffer.from('\r\n------WebKitFormBoundaryAB\r\n--'),
      randomBytes(10),
    ])
    const form = Buffer.concat([part('size', '3', false), part('chunk', content), part('more', 'x'), end])
    expect((await read(form, size)).equals(content)).toBe(true)
  })

  it('may be empty, and its boundary quoted', async () => {
    expect(await read(Buffer.concat([part('chunk', ''), end]))).toHaveLength(0)
    const quoted = 'multipart/form-data; boundary="----WebKitFormBoundaryABC"'
    expect((await read(Buffer.concat([part('chunk', 'abc'), end]), 5, quoted)).toString()).toBe('abc')
  })

  it.each([
    ['ended in the middle', part('chunk', 'abc').subarray(0, -1), type],
    ['has no file', Buffer.concat([part('size', '3', false), end]), type],
    ['has no file', Buffer.alloc(0), type],
    ['too much before', Buffer.alloc(100_000, 'x'), type],
    ['multipart/form-data', end, 'application/octet-stream'],
  ])('is refused when the form %s', async (message, form, contentType) => {
    await expect(read(form, 1000, contentType)).rejects.toThrow(message)
  })
})

import { describe, expect, it } from 'vitest'
import { JsonFrames } from './json-frames.ts'

const messages = [{ a: 'br{ace "quoted" \\' }, { b: [{ c: '}}{' }, 'ünï'] }, { d: {} }]
const stream = Buffer.from(messages.map((message) => JSON.stringify(message)).join(''))

describe('JSON frames', () => {
  it('cuts objects that follow each other without a delimiter', () => {
    expect(new JsonFrames().push(stream)).toEqual(messages)
  })

  it('gives the same objects wherever the stream is torn', () => {
    for (let size = 1; size < stream.length; size++) {
      const frames = new JsonFrames()
      const got: unknown[] = []
      for (let at = 0; at < stream.length; at += size) got.push(...frames.push(stream.subarray(at, at + size)))
      expect(got).toEqual(messages)
    }
  })

  it('refuses what is not an object', () => {
    expect(() => new JsonFrames().push(Buffer.from('nonsense'))).toThrow(SyntaxError)
    expect(() => new JsonFrames().push(Buffer.from('}'))).toThrow(SyntaxError)
  })

  it('refuses an object above the limit', () => {
    const frames = new JsonFrames(100)
    expect(() => frames.push(Buffer.from('{"a":"' + 'x'.repeat(200)))).toThrow(/larger than 100/)
  })

  it('takes time in proportion to the bytes, however small the chunks are', () => {
    const frames = new JsonFrames()
    const large = Buffer.from(JSON.stringify({ text: 'y'.repeat(4_000_000) }))
    const started = performance.now()
    let got = 0
    for (let at = 0; at < large.length; at += 1024) got += frames.push(large.subarray(at, at + 1024)).length
    expect(got).toBe(1)
    expect(performance.now() - started).toBeLessThan(1000)
  })
})

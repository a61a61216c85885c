import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ConsoleLog, keptBytes } from './console-log.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'console-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe("a console's past", () => {
  it('is the last MiB, however much was said', () => {
    const log = new ConsoleLog(join(folder, 'c', 'guest.log'))
    expect(log.read().length).toBe(0)
    const piece = Buffer.alloc(100_000)
    for (let count = 0; count < 40; count++) log.append(piece.fill(65 + (count % 26)))
    log.append(Buffer.from('the end'))
    const kept = log.read()
    expect(kept.length).toBe(keptBytes)
    expect(kept.subarray(-7).toString()).toBe('the end')
    expect(statSync(join(folder, 'c', 'guest.log.1')).size).toBeLessThan(keptBytes + piece.length)
  })

  it('is there again for the next agent, and gone when removed', () => {
    const path = join(folder, 'guest.log')
    const first = new ConsoleLog(path)
    first.append(Buffer.from('before '))
    first.close()
    const second = new ConsoleLog(path)
    second.append(Buffer.from('after'))
    expect(second.read().toString()).toBe('before after')
    second.remove()
    expect(second.read().length).toBe(0)
  })
})

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { knownAcceleration, probeAcceleration, probeFirmware } from './accelerator.ts'

const run = promisify(execFile)
const options = { program: 'qemu-system-x86_64', user: { uid: 64_055, gid: 64_055, groups: [] } }
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'probe-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the accelerator probe', () => {
  it("has guest code that really runs: QEMU's translator comes out of it by the exit port", async () => {
    const firmware = join(folder, 'probe.bin')
    writeFileSync(firmware, probeFirmware())
    const args = ['-accel', 'tcg', '-machine', 'q35', '-nodefaults', '-display', 'none', '-m', '16', '-bios', firmware]
    const exit = await run(options.program, [...args, '-device', 'isa-debug-exit,iobase=0xf4,iosize=1'], {
      timeout: 10_000,
    }).then(
      () => 0,
      (error: { code: number }) => error.code,
    )
    expect(exit).toBe(33)
  })

  it('falls back with a reason where there is no device for KVM', async () => {
    expect(await probeAcceleration({ ...options, device: join(folder, 'none') })).toMatchObject({
      accelerator: 'tcg',
      reason: 'NoKvmDevice',
      message: expect.stringContaining('offers no virtualization'),
    })
  })

  it('falls back with a reason where QEMU cannot use it, or hangs', async () => {
    const device = join(folder, 'kvm')
    writeFileSync(device, '')
    const failing = await probeAcceleration({ ...options, device, program: 'false' })
    expect(failing).toMatchObject({ accelerator: 'tcg', reason: 'KvmFails' })
    const hanging = join(folder, 'hang')
    writeFileSync(hanging, '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 })
    await run('chmod', ['755', folder])
    const hung = await probeAcceleration({ ...options, device, program: hanging, limitMs: 200 })
    expect(hung).toMatchObject({ accelerator: 'tcg', reason: 'KvmHangs' })
  })

  it('runs once for a boot, a kernel and a QEMU', async () => {
    const file = join(folder, 'known.json')
    const device = join(folder, 'none')
    const first = await knownAcceleration(file, '7.2.0', { ...options, device })
    const kept = readFileSync(file, 'utf8').replace('NoKvmDevice', 'Remembered')
    writeFileSync(file, kept)
    expect((await knownAcceleration(file, '7.2.0', { ...options, device })).reason).toBe('Remembered')
    expect(await knownAcceleration(file, '8.0.0', { ...options, device })).toEqual(first)
  })
})

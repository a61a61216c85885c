import { describe, expect, it } from 'vitest'
import { instanceReport, type InstanceReportInput } from './instance-report.ts'
import type { RunView } from './run-view.ts'
import { testInstance } from './testing.ts'

const running: RunView = {
  step: 'running',
  guestAgent: false,
  noRoom: false,
  user: 995,
  config: {
    machineType: 'pc-q35-7.2',
    cpus: 1,
    guestBytes: 64 * 1024 * 1024,
    overheadBytes: 1,
    accelerator: 'tcg',
    fingerprint: 'f',
    disks: [{ name: 'root', device: 'disk-root', nodeName: 'vol0', target: 'vda' }],
    nics: [{ name: 'default', device: 'net-default', mac: '52:54:00:00:00:01', ifname: 't' }],
    features: { serial: true, graphics: true, balloon: true, secureBoot: false },
  },
}

function status(view: Partial<RunView>, change: Partial<InstanceReportInput> = {}) {
  return instanceReport({
    vmi: { ...testInstance('u1'), status: { phase: 'Scheduled', nodeName: 'n1' } },
    view: { ...running, ...view },
    node: 'n1',
    pod: { name: 'virt-launcher-guest', uid: 'p1' },
    nics: [{ name: 'default', port: 'p', mac: '52:54:00:00:00:01', ip: '10.52.0.2' }],
    claims: new Map([['root', { name: 'root', bytes: 1024 }]]),
    runtimeUser: 995,
    now: new Date('2026-01-01T00:00:00Z'),
    ...change,
  })
}

const condition = (view: Partial<RunView>, type: string) => status(view)?.conditions?.find((one) => one.type === type)

describe("a VMI's status", () => {
  it('says that the TPM was lost, with the remedy, for as long as the guest runs', () => {
    expect(condition({ tpmLost: true }, 'TPMAvailable')).toMatchObject({ status: 'False', reason: 'TPMLost' })
    expect(condition({ tpmLost: true }, 'TPMAvailable')?.message).toContain('restart guest')
    expect(condition({}, 'TPMAvailable')).toBeUndefined()
    expect(condition({ tpmLost: true, step: 'ended' }, 'TPMAvailable')).toBeUndefined()
  })

  it('stays until the guest runs', () => {
    expect(status({ step: 'starting' })).toEqual({ phase: 'Scheduled', nodeName: 'n1' })
  })

  it('tells the address together with the phase, without a guest agent', () => {
    expect(status({})).toMatchObject({
      phase: 'Running',
      nodeName: 'n1',
      activePods: { p1: 'n1' },
      interfaces: [{ name: 'default', mac: '52:54:00:00:00:01', ipAddress: '10.52.0.2', infoSource: 'domain' }],
      volumeStatus: [{ name: 'root', target: 'vda', persistentVolumeClaimInfo: { claimName: 'root' } }],
      machine: { type: 'pc-q35-7.2' },
      memory: { guestAtBoot: '64Mi' },
      phaseTransitionTimestamps: [{ phase: 'Running', phaseTransitionTimestamp: '2026-01-01T00:00:00Z' }],
    })
    expect(condition({}, 'Ready')?.status).toBe('True')
    expect(condition({}, 'AgentConnected')).toBeUndefined()
  })

  it('adds what the guest agent knows', () => {
    const guest = {
      version: '7.2',
      supported: [],
      os: { id: 'debian', 'pretty-name': 'Debian 12' },
      interfaces: [
        {
          name: 'eth0',
          'hardware-address': '52:54:00:00:00:01',
          'ip-addresses': [{ 'ip-address': 'fe80::1', 'ip-address-type': 'ipv6', prefix: 64 }],
        },
      ],
    }
    expect(status({ guestAgent: true, guest })).toMatchObject({
      guestOSInfo: { id: 'debian', prettyName: 'Debian 12' },
      interfaces: [
        {
          ipAddress: '10.52.0.2',
          ipAddresses: ['10.52.0.2', 'fe80::1'],
          interfaceName: 'eth0',
          infoSource: 'domain, guest-agent',
        },
      ],
    })
  })

  it('tells a pause and its reason', () => {
    expect(condition({ paused: 'PausedIOError' }, 'Paused')).toMatchObject({ status: 'True', reason: 'PausedIOError' })
    expect(condition({ paused: 'PausedByUser' }, 'Ready')).toMatchObject({ status: 'False', reason: 'GuestPaused' })
  })

  it('tells how the run ended', () => {
    const outcome = { phase: 'Failed' as const, reason: 'GuestPanicked', message: 'the kernel of the guest crashed' }
    expect(status({ step: 'ended', outcome })).toMatchObject({ phase: 'Failed', reason: 'GuestPanicked' })
    expect(condition({ step: 'ended', outcome }, 'Ready')).toMatchObject({ status: 'False', message: outcome.message })
  })
})

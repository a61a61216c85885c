import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { KeyPair } from './key-pair.ts'
import { Setting } from './setting.ts'
import { settings } from './settings/table.ts'
import { effectiveJson, effectiveValue, settingObjects } from './settings/value.ts'
import { VirtualMachineImage, type VirtualMachineImageSpec } from './virtual-machine-image.ts'

/** An ed25519 public key in OpenSSH's format. */
function publicKey(): string {
  const { x = '' } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
  const part = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes])
  const blob = Buffer.concat([part(Buffer.from('ssh-ed25519')), part(Buffer.from(x, 'base64url'))])
  return `ssh-ed25519 ${blob.toString('base64')} me@here`
}

describe('a key pair', () => {
  const pair = (key: string): KeyPair => {
    const object: KeyPair = { metadata: { name: 'mine', namespace: 'default' }, spec: { publicKey: key } }
    KeyPair.fillDefaults?.(object as never)
    return object
  }
  const faults = (key: string) => KeyPair.check?.(pair(key) as never)?.map(({ message }) => message)

  test('has its fingerprint and is validated from the start', () => {
    const { status } = pair(publicKey())
    expect(status?.fingerPrint).toMatch(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/)
    expect(status?.conditions).toEqual([{ type: 'validated', status: 'True' }])
  })

  test('must be one line of a whole key of a type that OpenSSH knows', () => {
    const key = publicKey()
    expect(faults(key)).toEqual([])
    expect(faults(`restrict ${key}`)).toEqual([])
    expect(faults(' ')).toEqual(['public key is required'])
    const [type, blob = ''] = key.split(' ')
    const bad = [
      `ssh-dss ${blob}`,
      `${type}`,
      `${type} ${blob.slice(0, 40)}`,
      `ssh-rsa ${blob}`,
      `${key}\n${key}`,
      'hello',
    ]
    for (const one of bad) expect(faults(one)?.[0], one).toContain('not in valid OpenSSH public key format')
    expect(pair('hello').status).toBeUndefined()
  })

  test('keeps its key', () => {
    expect(KeyPair.checkUpdate?.(pair(publicKey()) as never, pair(publicKey()) as never)).toHaveLength(1)
  })
})

describe('an image', () => {
  const image = (spec: Partial<VirtualMachineImageSpec>): VirtualMachineImage => ({
    metadata: { name: 'debian' },
    spec: { displayName: 'Debian', sourceType: 'download', url: 'https://example.org/a.qcow2', ...spec },
  })
  const fields = (spec: Partial<VirtualMachineImageSpec>) =>
    VirtualMachineImage.check?.(image(spec) as never)?.map(({ field }) => field)

  test('to download needs a web address', () => {
    expect(fields({})).toEqual([])
    expect(fields({ url: undefined })).toEqual(['spec.url'])
    expect(fields({ url: 'file:///etc/passwd' })).toEqual(['spec.url'])
    expect(fields({ url: 'http:///nowhere' })).toEqual([])
    expect(fields({ url: 'not a url' })).toEqual(['spec.url'])
  })

  test('from elsewhere says from where, and has no address', () => {
    expect(fields({ sourceType: 'upload' })).toEqual(['spec.url'])
    expect(fields({ sourceType: 'upload', url: undefined })).toEqual([])
    expect(fields({ sourceType: 'export-from-volume', url: '' })).toEqual(['spec.pvcName', 'spec.pvcNamespace'])
  })

  test('has a name for people and a checksum of the right length', () => {
    expect(fields({ displayName: ' ' })).toEqual(['spec.displayName'])
    expect(fields({ checksum: 'ab'.repeat(64) })).toEqual([])
    expect(fields({ checksum: 'ab'.repeat(32) })).toEqual([])
    expect(fields({ checksum: 'ab'.repeat(31) })).toEqual(['spec.checksum'])
  })

  test('keeps where it comes from, and can get another description', () => {
    const update = (spec: Partial<VirtualMachineImageSpec>) =>
      VirtualMachineImage.checkUpdate?.(image(spec) as never, image({}) as never)?.map(({ field }) => field)
    expect(update({ description: 'new', displayName: 'Other' })).toEqual([])
    expect(update({ url: 'https://example.org/b' })).toEqual(['spec.url'])
  })
})

describe('settings', () => {
  const faults = (name: string, value: string) =>
    Setting.check?.({ metadata: { name }, value } as never)?.map(({ message }) => message) ?? []

  test('have each name once, and defaults that pass their own check', () => {
    const names = settings.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const { name, default: value, check } of settings) if (value && check) expect(check(value), name).toEqual([])
  })

  test('count their default while they are empty', () => {
    expect(effectiveValue('log-level', undefined)).toBe('info')
    expect(effectiveValue('log-level', { metadata: {}, value: '', default: 'warn' })).toBe('warn')
    expect(effectiveValue('log-level', { metadata: {}, value: 'debug' })).toBe('debug')
    expect(effectiveJson('overcommit-config', { metadata: {}, value: '{' })).toMatchObject({ cpu: 1600 })
  })

  test('are seeded with the version, and by the environment', () => {
    const made = settingObjects('v1.8.0', { HARVESTER_UI_SOURCE: 'bundled', HARVESTER_LOG_LEVEL_DEFAULT_VALUE: 'warn' })
    const named = (name: string) => made.find(({ metadata }) => metadata.name === name)
    expect(named('server-version')?.value).toBe('v1.8.0')
    expect(named('ui-source')).toMatchObject({ value: 'bundled', source: 'env' })
    expect(named('log-level')).toMatchObject({ default: 'warn' })
    expect(named('log-level')).not.toHaveProperty('value')
    expect(made).toHaveLength(settings.length)
  })

  test.each([
    ['overcommit-config', '{"cpu":1600,"memory":99}', 'Cannot undercommit'],
    ['overcommit-config', '{cpu', 'must be JSON'],
    ['default-vm-termination-grace-period-seconds', '-1', "can't be negative"],
    ['additional-guest-memory-overhead-ratio', '0.5', 'from 1.0 to 10.0'],
    ['ntp-servers', '{"ntpServers":["http://a"]}', 'should not start with http'],
    ['ntp-servers', '{"ntpServers":["a","a"]}', 'duplicate NTP server: a'],
    ['backup-target', '{"type":"nfs","endpoint":"nfs://a","bucketName":"b"}', 'should not have bucket'],
    ['backup-target', '{"type":"s3","endpoint":"https://a"}', 'should have access key'],
    ['backup-target', '{"type":"ftp"}', 'Invalid backup target type'],
    ['auto-rotate-rke2-certs', '{"enable":true,"expiringInHours":0}', "can't be negative or zero"],
    ['kubeconfig-default-token-ttl-minutes', '99999999', 'at most 52560000'],
    ['max-hotplug-ratio', '21', 'at most 20'],
    ['storage-network', '{"vlan":5000,"clusterNetwork":"a","range":"10.0.0.0/24"}', '0 to 4094'],
    ['storage-network', '{"clusterNetwork":"a","range":"10.0.0.0/8"}', 'at least 16'],
    ['additional-ca', 'no certificate', 'failed to append custom certificates'],
    ['ssl-parameters', '{"protocols":"TLSv1.2 TLSv9"}', 'unsupported SSL protocol: TLSv9'],
    ['longhorn-v2-data-engine-memory-size', '2049', 'even'],
    ['log-level', 'loud', 'use panic'],
  ])('%s refuses %s', (name, value, message) => {
    expect(faults(name, value).join()).toContain(message)
  })

  test('accept what is right, and names that are not ours', () => {
    expect(faults('backup-target', '{"type":"nfs","endpoint":"nfs://10.0.0.1:/backups"}')).toEqual([])
    expect(faults('additional-guest-memory-overhead-ratio', '0')).toEqual([])
    expect(faults('my-own', 'anything')).toEqual([])
    expect(faults('log-level', 'Debug')).toEqual([])
  })
})

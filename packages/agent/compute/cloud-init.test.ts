import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { sshNamesAnnotation } from '@thresher/api/names'
import {
  configDriveFiles,
  keyPairNames,
  MissingSourceError,
  noCloudFiles,
  type CloudInitSources,
} from './cloud-init.ts'
import { writeSeedImage } from './seed-image.ts'
import { sysprepFiles } from './sysprep.ts'
import { testInstance } from './testing.ts'

const key = `ssh-ed25519 ${'A'.repeat(68)} someone with a comment at a workstation`
const secrets: Record<string, Record<string, string>> = {
  both: { userdata: '#cloud-config\nusers: []\n', networkdata: 'version: 2\n' },
  keys: { one: `${key}\n# a remark\nssh-rsa BBBB`, two: key },
  empty: {},
}
const sources: CloudInitSources = {
  secret(name) {
    const data = secrets[name]
    if (!data) return Promise.reject(new MissingSourceError(`the Secret ${name} is not there`))
    return Promise.resolve(Object.fromEntries(Object.entries(data).map(([each, text]) => [each, Buffer.from(text)])))
  },
  publicKey: (namespace, name) => Promise.resolve(`ssh-rsa ${namespace}-${name}`),
}

function instance(annotations: Record<string, string> = {}, secretName?: string): VirtualMachineInstance {
  const vmi = testInstance('u1')
  return {
    ...vmi,
    metadata: { ...vmi.metadata, annotations },
    spec: {
      ...vmi.spec,
      ...(secretName
        ? {
            accessCredentials: [
              { sshPublicKey: { source: { secret: { secretName } }, propagationMethod: { noCloud: {} } } },
            ],
          }
        : {}),
    },
  }
}

describe('the NoCloud data source', () => {
  it('carries user and network data as text, as base64 and from Secrets', async () => {
    const text = await noCloudFiles(instance(), { userData: '#!/bin/sh\n', networkData: 'version: 1' }, sources)
    expect(text).toMatchObject({ 'user-data': '#!/bin/sh\n', 'network-config': 'version: 1' })
    const base64 = Buffer.from('#cloud-config\n').toString('base64')
    const decoded = await noCloudFiles(instance(), { userDataBase64: base64, networkDataBase64: base64 }, sources)
    expect(String(decoded['user-data'])).toBe('#cloud-config\n')
    expect(String(decoded['network-config'])).toBe('#cloud-config\n')
    const named = await noCloudFiles(instance(), { secretRef: { name: 'both' } }, sources)
    expect(String(named['user-data'])).toContain('users')
    expect(String(named['network-config'])).toBe('version: 2\n')
  })

  it('names the guest, and keeps its instance id over its runs', async () => {
    const files = await noCloudFiles(instance(), { userData: 'x' }, sources)
    expect(parse(String(files['meta-data']))).toEqual({
      'instance-id': 'guest.default',
      'local-hostname': 'guest',
      hostname: 'guest',
    })
  })

  it('has the keys of Secrets and KeyPairs, each once and each on one line', async () => {
    const annotations = { [sshNamesAnnotation]: '["other/pair","mine"]' }
    const files = await noCloudFiles(instance(annotations, 'keys'), { userData: 'x' }, sources)
    const text = String(files['meta-data'])
    expect(parse(text)).toMatchObject({
      'public-keys': [key, 'ssh-rsa BBBB', 'ssh-rsa other-pair', 'ssh-rsa default-mine'],
    })
    expect(text.split('\n').some((line) => line.includes(key))).toBe(true)
  })

  it('says which Secret or key is missing', async () => {
    await expect(noCloudFiles(instance(), { secretRef: { name: 'gone' } }, sources)).rejects.toThrow('Secret gone')
    await expect(noCloudFiles(instance(), { secretRef: { name: 'empty' } }, sources)).rejects.toThrow(
      'the key userdata in the Secret empty; add it',
    )
  })

  it('starts a guest without a KeyPair that is gone', async () => {
    const without: CloudInitSources = { ...sources, publicKey: () => Promise.resolve(undefined) }
    const files = await noCloudFiles(instance({ [sshNamesAnnotation]: '["gone"]' }), { userData: 'x' }, without)
    expect(parse(String(files['meta-data']))).not.toHaveProperty('public-keys')
  })

  it('takes an annotation that is no list of names for none', () => {
    expect(keyPairNames(instance({ [sshNamesAnnotation]: 'not json' }))).toEqual([])
    expect(keyPairNames(instance({ [sshNamesAnnotation]: '{"a":1}' }))).toEqual([])
  })
})

describe('the config drive', () => {
  it('has the same in its own places', async () => {
    const annotations = { [sshNamesAnnotation]: '["mine"]' }
    const files = await configDriveFiles(instance(annotations), { userData: 'x' }, sources)
    expect(Object.keys(files)).toEqual(['openstack/latest/meta_data.json', 'openstack/latest/user_data'])
    expect(JSON.parse(String(files['openstack/latest/meta_data.json']))).toMatchObject({
      hostname: 'guest',
      public_keys: { '0': 'ssh-rsa default-mine' },
    })
  })
})

describe("a disk with Windows' answer file", () => {
  it('holds what is in the ConfigMap or Secret, and is not made without an answer file', () => {
    const files = { 'AutoUnattend.xml': Buffer.from('<unattend/>'), 'setup.ps1': Buffer.from('') }
    expect(sysprepFiles(files, 'the Secret s')).toBe(files)
    const without = { 'setup.ps1': Buffer.from('') }
    expect(() => sysprepFiles(without, 'the Secret s')).toThrow(
      /an answer file in the Secret s; add the key Autounattend/,
    )
    expect(() => sysprepFiles({}, 'the ConfigMap c')).toThrow(MissingSourceError)
  })
})

describe('a configuration disk', () => {
  const user = { uid: 64_055, gid: 64_055, groups: [] }

  it('is not written where a name would leave it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'seed-'))
    try {
      const writing = writeSeedImage(join(folder, 'seed.iso'), 'x', { '../../outside': 'x' }, user)
      await expect(writing).rejects.toThrow('is not the name of a file')
      expect(readdirSync(folder)).toEqual([])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('holds the files under their label, for QEMU to read alone, and leaves no loose copy', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'seed-'))
    chmodSync(folder, 0o777)
    try {
      const image = join(folder, 'seed.iso')
      await writeSeedImage(image, 'cidata', { 'user-data': 'secret', 'a/b/c.json': '{}' }, user)
      expect(readdirSync(folder)).toEqual(['seed.iso'])
      expect(statSync(image)).toMatchObject({ uid: 0, gid: user.gid, mode: 0o100_440 })
      const list = execFileSync('isoinfo', ['-f', '-J', '-i', image]).toString()
      expect(list).toContain('/user-data')
      expect(list).toContain('/a/b/c.json')
      expect(execFileSync('isoinfo', ['-d', '-i', image]).toString()).toContain('Volume id: cidata')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

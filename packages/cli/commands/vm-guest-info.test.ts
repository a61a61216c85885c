import { expect, it } from 'vitest'
import { describeGuest } from './vm-guest-info.ts'

it('what a guest says is shown as tables, and nothing of it steers the terminal', () => {
  const text = describeGuest({
    guestAgentVersion: '7.2.22',
    hostname: 'web\u001b[2J',
    os: { prettyName: 'Debian GNU/Linux 12', kernelRelease: '6.1.0', machine: 'x86_64' },
    userList: [{ userName: 'root' }, { userName: 'eve', domain: 'CORP' }],
    fsInfo: { disks: [{ mountPoint: '/', fileSystemType: 'ext4', usedBytes: 1024 ** 2, totalBytes: 1024 ** 3 }] },
  })
  expect(text.split('\n').map((line) => line.trimEnd())).toEqual([
    'GUEST',
    'System        Debian GNU/Linux 12',
    'Kernel        6.1.0 x86_64',
    'Host name     web?[2J',
    'Time zone     -',
    'Agent         7.2.22',
    'File systems  -',
    '',
    'MOUNTED AT  TYPE  USED',
    '/           ext4  1.0 MiB of 1.0 GiB',
    '',
    'LOGGED IN',
    'root',
    String.raw`CORP\eve`,
  ])
})

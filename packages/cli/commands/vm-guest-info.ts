import type { Command } from '../command.ts'
import { bytes, columns } from '../output/columns.ts'
import { machineOperation, nameArgument, namespaceOption } from '../vm/operation.ts'

/** What a guest's agent says. @see KubeVirt `v1.VirtualMachineInstanceGuestAgentInfo` */
export interface GuestInfo {
  guestAgentVersion?: string
  hostname?: string
  timezone?: string
  fsFreezeStatus?: string
  os?: { prettyName?: string; kernelRelease?: string; machine?: string }
  userList?: { userName: string; domain?: string; loginTime?: number }[]
  fsInfo?: { disks?: { mountPoint: string; fileSystemType: string; usedBytes: number; totalBytes: number }[] }
}

/** `thresher vm guest`. */
export const vmGuestInfo: Command = {
  path: ['vm', 'guest'],
  summary: 'Show what the agent of a guest says: its system, file systems and users',
  arguments: [nameArgument],
  options: [namespaceOption, { flags: '-o, --output <format>', description: 'how to print it', choices: ['json'] }],
  async run(context, [name], options) {
    const of = { plural: 'virtualmachineinstances', method: 'GET' } as const
    const info = await machineOperation<GuestInfo>(context, options, name!, 'guestosinfo', undefined, of)
    console.log(options['output'] === 'json' ? JSON.stringify(info, undefined, 2) : describeGuest(info))
  },
}

/** A guest says what it likes; control characters of it would go into the terminal. */
function clean(text: string | undefined): string {
  // oxlint-disable-next-line no-control-regex -- these are what is taken out
  return (text ?? '').replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '?') || '-'
}

/** The answer as tables. Pure. */
export function describeGuest({ os, userList = [], fsInfo, ...info }: GuestInfo): string {
  const facts = [
    ['System', clean(os?.prettyName)],
    ['Kernel', clean([os?.kernelRelease, os?.machine].filter(Boolean).join(' '))],
    ['Host name', clean(info.hostname)],
    ['Time zone', clean(info.timezone)],
    ['Agent', clean(info.guestAgentVersion)],
    ['File systems', clean(info.fsFreezeStatus)],
  ]
  const disks = (fsInfo?.disks ?? []).map(({ mountPoint, fileSystemType, usedBytes, totalBytes }) => [
    clean(mountPoint),
    clean(fileSystemType),
    totalBytes > 0 ? `${bytes(usedBytes)} of ${bytes(totalBytes)}` : '-',
  ])
  const users = userList.map(({ userName, domain }) => [clean(domain ? `${domain}\\${userName}` : userName)])
  return [
    columns(['GUEST', ''], facts),
    ...(disks.length > 0 ? [columns(['MOUNTED AT', 'TYPE', 'USED'], disks)] : []),
    ...(users.length > 0 ? [columns(['LOGGED IN'], users)] : []),
  ].join('\n\n')
}

import { ApiError } from '@thresher/api/error'
import { matches } from '@thresher/api/matches'
import { Type } from '@thresher/api/type'
import { guestOsInfo } from '../compute/instance-report.ts'
import { chordOf, keysOfText, longestText, type Chord } from '../compute/keyboard.ts'
import type { Run } from '../compute/run.ts'

/** What an operation answers: JSON, a picture, or nothing. */
export type Answer = { json: unknown } | { png: Buffer } | { text: Buffer } | { nothing: true }

/** One operation on a running guest, under `/vmi/<namespace>/<name>/<path>`. */
export interface GuestOperation {
  method: 'GET' | 'PUT'
  path: string
  run(run: Run, body: unknown): Promise<Answer>
}

const nothing: Answer = { nothing: true }

/** The operations that answer at once; consoles and ports are streams. */
export const guestOperations: readonly GuestOperation[] = [
  { method: 'PUT', path: 'pause', run: (run) => run.control.pause().then(() => nothing) },
  { method: 'PUT', path: 'unpause', run: (run) => run.control.unpause().then(() => nothing) },
  { method: 'PUT', path: 'reset', run: (run) => run.control.reset().then(() => nothing) },
  { method: 'PUT', path: 'softreboot', run: (run) => run.control.softReboot().then(() => nothing) },
  { method: 'PUT', path: 'freeze', run: (run) => run.control.freeze().then(() => nothing) },
  { method: 'PUT', path: 'unfreeze', run: (run) => run.control.thaw().then(() => nothing) },
  { method: 'GET', path: 'vnc/screenshot', run: async (run) => ({ png: await run.control.screenshot() }) },
  { method: 'GET', path: 'console/log', run: (run) => Promise.resolve({ text: run.console.past() }) },
  { method: 'PUT', path: 'sendkeys', run: (run, body) => run.control.type(chordsOf(body)).then(() => nothing) },
  { method: 'GET', path: 'guestosinfo', run: async (run) => ({ json: await osInfo(run) }) },
  { method: 'GET', path: 'userlist', run: async (run) => ({ json: { items: await users(run) } }) },
  { method: 'GET', path: 'filesystemlist', run: async (run) => ({ json: { items: await fileSystems(run) } }) },
]

const Keys = Type.Object({
  /** Typed on a US keyboard. */
  text: Type.Optional(Type.String()),
  /** Chords, one after the other. */
  keys: Type.Optional(Type.Array(Type.Array(Type.String()))),
})

/** `{text: "…"}` or `{keys: [["ctrl", "alt", "delete"]]}`. @throws {ApiError} BadRequest */
function chordsOf(body: unknown): Chord[] {
  if (!matches(Keys, body) || (body.text === undefined && body.keys === undefined))
    throw new ApiError('BadRequest', 'say what to type: {"text": "…"} or {"keys": [["ctrl", "alt", "delete"]]}')
  try {
    const chords = [...(body.keys ?? []).map(chordOf), ...keysOfText(body.text ?? '')]
    if (chords.length > longestText) throw new RangeError(`keys: at most ${longestText} at once`)
    return chords
  } catch (cause) {
    throw new ApiError('BadRequest', (cause as Error).message, { cause })
  }
}

/** @see KubeVirt's VirtualMachineInstanceGuestAgentInfo */
async function osInfo(run: Run): Promise<unknown> {
  const { info, os, hostname, timezone, frozen } = await run.control.ask(async (ask) => {
    const about = await ask('guest-info')
    const can = new Set(about.supported_commands.filter(({ enabled }) => enabled).map(({ name }) => name))
    return {
      info: about,
      os: can.has('guest-get-osinfo') ? await ask('guest-get-osinfo') : undefined,
      hostname: can.has('guest-get-host-name') ? (await ask('guest-get-host-name'))['host-name'] : undefined,
      timezone: can.has('guest-get-timezone') ? await ask('guest-get-timezone') : undefined,
      frozen: can.has('guest-fsfreeze-status') ? await ask('guest-fsfreeze-status') : undefined,
    }
  })
  return {
    guestAgentVersion: info.version,
    supportedCommands: info.supported_commands.map(({ name, enabled }) => ({ name, enabled })),
    hostname,
    os: os && guestOsInfo(os),
    ...(timezone ? { timezone: `${timezone.zone ?? ''}, ${timezone.offset}` } : {}),
    userList: await users(run).catch(() => []),
    fsInfo: { disks: await fileSystems(run).catch(() => []) },
    ...(frozen ? { fsFreezeStatus: frozen } : {}),
  }
}

async function users(run: Run): Promise<unknown[]> {
  const list = await run.control.ask((ask) => ask('guest-get-users'))
  return list.map((one) => ({ userName: one.user, domain: one.domain, loginTime: one['login-time'] }))
}

async function fileSystems(run: Run): Promise<unknown[]> {
  const list = await run.control.ask((ask) => ask('guest-get-fsinfo'))
  return list.map((one) => ({
    diskName: one.name,
    mountPoint: one.mountpoint,
    fileSystemType: one.type,
    usedBytes: one['used-bytes'] ?? 0,
    totalBytes: one['total-bytes'] ?? 0,
    disk: one.disk.map((disk) => ({ serial: disk.serial, busType: disk['bus-type'], dev: disk.dev })),
  }))
}

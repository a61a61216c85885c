import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Paths } from '../paths.ts'
import { UserError } from '../user-error.ts'
import { run } from './run.ts'

const folder = '/etc/systemd/system'

/** Whether systemd runs this host. @see sd_booted(3) */
export const systemdRuns = (): boolean => existsSync('/run/systemd/system')

/** The unit of an installation; one in another data folder has a name of its own. */
export function unitName({ dataDir }: Pick<Paths, 'dataDir'>): string {
  const suffix = dataDir === '/var/lib/thresher' ? '' : dataDir.replaceAll(/[^a-zA-Z0-9]+/g, '-')
  return `thresher${suffix}.service`
}

/**
 * The unit that starts an installation with the host and keeps its supervisor running. Pure.
 *
 * Only the supervisor is ended with the unit (`KillMode=process`): server, agent, the network's engines and guests are its
 * children by birth alone, and `thresher down` ends them in their order.
 *
 * @param program what runs the supervisor: node and its arguments
 * @see systemd.service(5), systemd.kill(5), systemd.exec(5)
 */
export function unitText(paths: Paths, program: string[]): string {
  return `[Unit]
Description=Thresher: virtual machines on this host, behind the Kubernetes API
Documentation=file://${paths.app}/README.md
Wants=network-online.target
After=network-online.target time-sync.target
RequiresMountsFor=${quote(paths.dataDir)} ${quote(paths.app)}
StartLimitIntervalSec=600
StartLimitBurst=10

[Service]
Type=simple
ExecStart=${program.map(quote).join(' ')}
ExecReload=kill -HUP $MAINPID
Restart=always
RestartSec=1
KillMode=process
TimeoutStopSec=30
Delegate=yes
TasksMax=infinity
LimitNOFILE=1048576
OOMPolicy=continue
OOMScoreAdjust=-500
StandardOutput=journal
StandardError=inherit
UMask=0022
RestrictRealtime=yes
LockPersonality=yes
ProtectClock=yes
ProtectHostname=yes
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
`
}

/** Words of a unit's line: blanks are quoted, and what systemd would replace is doubled. @see systemd.syntax(7) */
function quote(word: string): string {
  const escaped = word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%').replaceAll('$', '$$$$')
  return /\s|"/.test(word) ? `"${escaped}"` : escaped
}

/** Have systemd start this installation now and with the host. @throws {UserError} with systemd's words */
export async function startUnit(paths: Paths, program: string[]): Promise<void> {
  const unit = unitName(paths)
  const file = join(folder, unit)
  const text = unitText(paths, program)
  if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
    writeFileSync(file, text, { mode: 0o644 })
    await systemctl('daemon-reload')
  }
  await systemctl('reset-failed', unit).catch(() => {})
  await systemctl('enable', '--now', unit)
}

/** Stop the supervisor and start it no more with the host. */
export async function stopUnit(paths: Paths): Promise<void> {
  const unit = unitName(paths)
  const file = join(folder, unit)
  if (!existsSync(file)) return
  await systemctl('disable', '--now', unit)
  rmSync(file, { force: true })
  await systemctl('daemon-reload')
}

async function systemctl(...args: string[]): Promise<void> {
  const done = await run('systemctl', args, { timeoutMs: 60_000 })
  if (done.code !== 0) throw new UserError(`systemctl ${args.join(' ')} failed: ${done.stderr.trim()}`)
}

import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Command as Commander, Option as CommanderOption } from 'commander'
import { ApiError } from '@thresher/api/error'
import { Client } from '@thresher/client/client'
import { httpsTransport } from '@thresher/client/node/https-transport'
import { loadKubeconfig, loadOwnKubeconfig, renewedCertificate } from '@thresher/client/node/kubeconfig'
import { UntrustedFileError } from '@thresher/client/node/trusted-file'
import type { Command, Context, OptionValues } from './command.ts'
import { commands } from './commands.ts'
import { filesOf, type Paths } from './paths.ts'
import { UserError } from './user-error.ts'
import manifest from './package.json' with { type: 'json' }

interface GlobalOptions {
  dataDir: string
  runDir: string
  kubeconfig?: string
}

function contextOf(globals: GlobalOptions, signal: AbortSignal): Context & AsyncDisposable {
  const paths: Paths = {
    app: resolve(import.meta.dirname, '../..'),
    dataDir: resolve(globals.dataDir),
    runDir: resolve(globals.runDir),
  }
  let connected: Client | undefined
  const kubeconfig = () => {
    const file = globals.kubeconfig ?? filesOf(paths).adminKubeconfig
    if (!existsSync(file))
      throw new UserError(
        `there is no kubeconfig at ${file}. Start this host with: thresher up; or name another with --kubeconfig.`,
      )
    return file
  }
  // What the user names is his own choice; the installation's own file must be its own.
  const connection = () => (globals.kubeconfig ? loadKubeconfig(kubeconfig()) : loadOwnKubeconfig(kubeconfig()))
  return {
    paths,
    signal,
    kubeconfig,
    connection,
    client: async () =>
      (connected ??= new Client(httpsTransport({ ...connection(), certificate: renewedCertificate(connection) }))),
    [Symbol.asyncDispose]: async () => connected?.transport.close(),
  }
}

/** What the words stand for that have commands below them. */
const groups: Record<string, string | undefined> = {
  vm: 'Virtual machines',
  template: 'Templates of virtual machines',
  image: 'Disk images',
  volume: 'Volumes',
  snapshot: 'Snapshots of machines and volumes',
  backups: 'Backups of machines',
  token: 'Tokens by which hosts join',
  node: 'Hosts of the cluster',
  cluster: 'The cluster as a whole',
  lab: 'Several hosts on this machine, to try things out',
}

/** Put a command of the table below its parents: `vm` for `vm create`. */
function parentOf(program: Commander, path: string[]): Commander {
  return path.slice(0, -1).reduce((parent, word) => {
    const existing = parent.commands.find((one) => one.name() === word)
    return existing ?? parent.command(word).description(groups[word] ?? '')
  }, program)
}

function addCommand(program: Commander, command: Command, signal: AbortSignal): void {
  const added = parentOf(program, command.path).command(command.path.at(-1)!).description(command.summary)
  if (command.passOptions) added.allowUnknownOption().helpOption(false).passThroughOptions()
  for (const one of command.arguments ?? []) {
    const word = one.variadic ? `${one.name}...` : one.name
    added.argument(one.optional ? `[${word}]` : `<${word}>`, one.description)
  }
  for (const one of command.options ?? []) {
    const option = new CommanderOption(one.flags, one.description)
    if (one.default !== undefined) option.default(one.default)
    if (one.choices) option.choices(one.choices)
    added.addOption(option)
  }
  if (command.examples)
    added.addHelpText('after', `\nExamples:\n${command.examples.map((one) => `  ${one}`).join('\n')}`)
  added.action(async (...given: unknown[]) => {
    const words = given
      .slice(0, -2)
      .flat()
      .filter((word) => word !== undefined) as string[]
    await using context = contextOf(program.opts<GlobalOptions>(), signal)
    await command.run(context, words, added.opts<OptionValues>())
  })
}

/** Build the command line from the table of commands. */
function programOf(table: Command[], signal: AbortSignal): Commander {
  const program = new Commander('thresher')
    .description('Virtual machines and containers on your own hosts, behind the Kubernetes API')
    .version(manifest.version)
    .option(
      '--data-dir <folder>',
      'where Thresher keeps its data',
      process.env['THRESHER_DATA_DIR'] ?? '/var/lib/thresher',
    )
    .option(
      '--run-dir <folder>',
      'where Thresher keeps sockets and pid files',
      process.env['THRESHER_RUN_DIR'] ?? '/run/thresher',
    )
    .option('--kubeconfig <file>', 'the kubeconfig to use (default: the one of this host)')
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      `\nFiles:\n  ${join('<data-dir>', 'admin.kubeconfig')}   the administrator's kubeconfig\n  ${join('<data-dir>', 'log')}                logs of server and agent`,
    )
  for (const command of table) addCommand(program, command, signal)
  return program
}

/** One line for what a person can mend; a stack only for what is our fault. */
function explain(error: unknown): string {
  if (error instanceof UserError || error instanceof ApiError || error instanceof UntrustedFileError)
    return error.message
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ECONNREFUSED') return 'the API server does not answer. Is it running? See: thresher status'
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

if (import.meta.main) {
  const interrupted = new AbortController()
  process.once('SIGINT', () => interrupted.abort(new UserError('interrupted')))
  try {
    await programOf(commands, interrupted.signal).parseAsync()
  } catch (error) {
    console.error(`thresher: ${explain(error)}`)
    process.exitCode = 1
  }
}

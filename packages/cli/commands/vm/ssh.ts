import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command, Context } from '../../command.ts'
import { runningProcesses } from '../../host/installation.ts'
import { readSettings } from '../../host/settings.ts'
import { UserError } from '../../user-error.ts'
import { proxyCommand } from '../../vm/guest-port.ts'
import { nameArgument, namespaceOption, textOf } from '../../vm/operation.ts'
import { interactive, knownHostsFile } from '../../vm/ssh.ts'
import { addressOf, runningInstance } from '../../vm/wait.ts'

/** Whether a guest's node is this host: only its own host reaches a guest's address. */
function isOnThisHost({ paths }: Context, node: string | undefined): boolean {
  return runningProcesses(paths).agent !== undefined && readSettings(paths).nodeName === node
}

/** This command line again, as the way to a guest's SSH server through the API. */
function portCommand(context: Context, namespace: string, name: string): string {
  const { app, dataDir, runDir } = context.paths
  const own = [process.execPath, '--disable-warning=ExperimentalWarning', join(app, 'packages/cli/main.ts')]
  const where = ['--data-dir', dataDir, '--run-dir', runDir, '--kubeconfig', context.kubeconfig()]
  return proxyCommand([...own, ...where, 'vm', 'port', name, '22', '--namespace', namespace])
}

/** `thresher vm ssh`. */
export const vmSsh: Command = {
  path: ['vm', 'ssh'],
  summary: 'Log into a virtual machine, or run one command in it',
  arguments: [
    nameArgument,
    { name: 'command', description: 'what to run instead of a shell', optional: true, variadic: true },
  ],
  options: [
    namespaceOption,
    { flags: '-l, --login <user>', description: 'the user in the guest', default: 'root' },
    { flags: '-i, --identity <file>', description: 'the private key' },
  ],
  examples: ['thresher vm ssh demo', 'thresher vm ssh demo -- uname -a'],
  async run(context, [name, ...command], options) {
    const client = await context.client()
    const namespace = textOf(options, 'namespace')
    const instance = await runningInstance(client, namespace, name!)
    const address = addressOf(instance)
    if (address === undefined)
      throw new UserError(`virtual machine ${namespace}/${name} has no address yet; try again in a moment.`)
    const isHere = isOnThisHost(context, instance.status?.nodeName)
    const identityFile = (options['identity'] as string | undefined) ?? demoIdentity(context, name!)
    process.exitCode = await interactive(
      {
        address,
        user: textOf(options, 'login'),
        ...(identityFile === undefined ? {} : { identityFile }),
        ...(isHere ? {} : { through: portCommand(context, namespace, name!) }),
        knownHosts: knownHostsFile(join(context.paths.dataDir, 'cli'), instance.metadata.uid ?? name!),
      },
      command,
    )
  },
}

/** The key that `thresher demo` made, for the machine that it made. */
function demoIdentity(context: Context, name: string): string | undefined {
  const file = join(context.paths.dataDir, 'cli', 'demo_ed25519')
  if (name !== 'demo') return undefined
  try {
    readFileSync(file)
    return file
  } catch {
    return undefined
  }
}

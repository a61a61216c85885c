import type { Command } from '../command.ts'
import { UserError } from '../user-error.ts'
import { joinGuestPort } from '../vm/guest-port.ts'

/** `thresher vm port`. */
export const vmPort: Command = {
  path: ['vm', 'port'],
  summary: "Join input and output with a TCP port of a virtual machine, as ssh's ProxyCommand wants it",
  arguments: [
    { name: 'name', description: 'the virtual machine' },
    { name: 'port', description: '1 to 65535' },
  ],
  options: [{ flags: '-n, --namespace <namespace>', description: 'the namespace', default: 'default' }],
  examples: ["ssh -o ProxyCommand='thresher vm port web 22' root@web"],
  async run(context, [name = '', given = ''], options) {
    const port = Number(given)
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new UserError(`${given} is no port; give a number from 1 to 65535.`)
    const namespace = String(options['namespace'])
    await joinGuestPort(context.connection(), { namespace, name, port }, process.stdin, process.stdout)
  },
}

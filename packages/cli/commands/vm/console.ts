import type { Command } from '../../command.ts'
import { attachConsole } from '../../vm/console.ts'
import { nameArgument, namespaceOption, textOf } from '../../vm/operation.ts'
import { runningInstance } from '../../vm/wait.ts'

/** `thresher vm console`. */
export const vmConsole: Command = {
  path: ['vm', 'console'],
  summary: 'Attach to the serial console (leave with Ctrl-])',
  arguments: [nameArgument],
  options: [namespaceOption],
  async run(context, [name], options) {
    const namespace = textOf(options, 'namespace')
    await runningInstance(await context.client(), namespace, name!)
    await attachConsole(context.connection(), namespace, name!, context.signal)
  },
}

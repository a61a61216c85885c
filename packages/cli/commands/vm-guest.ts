import type { Command } from '../command.ts'
import { machineOperation, nameArgument, namespaceOption, textOf } from '../vm/operation.ts'

/** What can be asked of a running guest in one word: command, operation, summary, what has happened then. */
const operations: [command: string, operation: string, summary: string, done: string][] = [
  ['pause', 'pause', 'Hold the processors of a guest', 'is paused'],
  ['unpause', 'unpause', 'Let a paused guest go on', 'goes on'],
  ['reset', 'reset', 'Restart a guest at once, as its reset button does', 'was reset'],
  ['soft-reboot', 'softreboot', 'Ask a guest to restart itself, by its agent', 'was asked to restart'],
  ['freeze', 'freeze', 'Hold the file systems of a guest still, by its agent', 'has its file systems frozen'],
  ['unfreeze', 'unfreeze', 'Let the file systems of a guest go on', 'has its file systems thawed'],
]

/** `thresher vm pause`, `unpause`, `reset`, `soft-reboot`, `freeze`, `unfreeze`. */
export const vmGuestOperations: Command[] = operations.map(([command, operation, summary, done]) => ({
  path: ['vm', command],
  summary,
  arguments: [nameArgument],
  options: [namespaceOption],
  async run(context, [name], options) {
    await machineOperation(context, options, name!, operation, {}, { plural: 'virtualmachineinstances' })
    console.log(`virtual machine ${textOf(options, 'namespace')}/${name} ${done}`)
  },
}))

import type { Command } from '../command.ts'
import { completionScript, shells } from '../completion.ts'
import { UserError } from '../user-error.ts'

/** `thresher completion`: made from the table of commands, so it never lags behind. */
export function completionCommand(table: () => Command[]): Command {
  return {
    path: ['completion'],
    summary: 'Print a completion script for bash, zsh or fish',
    arguments: [{ name: 'shell', description: 'bash, zsh or fish' }],
    examples: ['source <(thresher completion bash)'],
    async run(_context, [shell]) {
      if (!shells.includes(shell as never)) throw new UserError(`${shell} is not supported; use ${shells.join(', ')}.`)
      process.stdout.write(completionScript(shell as (typeof shells)[number], table()))
    },
  }
}

import type { Client } from '@thresher/client/client'
import type { KubeconfigContext } from '@thresher/client/node/kubeconfig'
import type { Paths } from './paths.ts'

/** One word after the command's name. */
export interface Argument {
  name: string
  description: string
  optional?: boolean
  /** Takes all remaining words. */
  variadic?: boolean
}

/** One option in commander's notation: `-o, --output <format>`. */
export interface Option {
  flags: string
  description: string
  default?: string
  choices?: string[]
}

/** What every command is given. */
export interface Context {
  paths: Paths
  /** The kubeconfig that the user named, or the one of this host. */
  kubeconfig(): string
  /** What it says. */
  connection(): KubeconfigContext
  /** A client made from it. @throws {UserError} when there is none, saying how to get one */
  client(): Promise<Client>
  /** Aborted by Ctrl-C. */
  signal: AbortSignal
}

export type OptionValues = Record<string, string | boolean | undefined>

/** A command is one file and one line in `commands.ts`. */
export interface Command {
  /** `['vm', 'create']` for `thresher vm create`. */
  path: string[]
  summary: string
  arguments?: Argument[]
  options?: Option[]
  examples?: string[]
  /** Options that are not declared here go to `args` as they are. */
  passOptions?: boolean
  run(context: Context, args: string[], options: OptionValues): Promise<void>
}

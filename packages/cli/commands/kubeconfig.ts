import { readFileSync } from 'node:fs'
import type { Command } from '../command.ts'

/** `thresher kubeconfig`: the administrator's kubeconfig on standard output. */
export const kubeconfig: Command = {
  path: ['kubeconfig'],
  summary: 'Print the administrator’s kubeconfig',
  options: [{ flags: '--path', description: 'print where it is instead' }],
  examples: ['thresher kubeconfig > ~/.kube/config', 'export KUBECONFIG=$(thresher kubeconfig --path)'],
  async run(context, _args, options) {
    const file = context.kubeconfig()
    process.stdout.write(options['path'] === true ? `${file}\n` : readFileSync(file, 'utf8'))
  },
}

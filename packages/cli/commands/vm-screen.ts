import { writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import type { Command } from '../command.ts'
import { UserError } from '../user-error.ts'
import { fetchFile, machineOperation, nameArgument, namespaceOption, textOf } from '../vm/operation.ts'

/** A guest is slow at typing, so a long text is sent in pieces. */
const pieceLength = 400

/** `thresher vm screenshot`. */
export const vmScreenshot: Command = {
  path: ['vm', 'screenshot'],
  summary: 'Save what a guest shows on its display as PNG',
  arguments: [nameArgument, { name: 'file', description: 'where to; NAME.png unless said', optional: true }],
  options: [namespaceOption],
  async run(context, [name, file], options) {
    const path = file ?? `${name}.png`
    writeFileSync(path, await fetchFile(context, options, name!, 'vnc/screenshot'))
    console.log(`saved as ${path}`)
  },
}

/** `thresher vm log`. */
export const vmLog: Command = {
  path: ['vm', 'log'],
  summary: 'Print what a guest said last on its serial console, at most 1 MiB',
  arguments: [nameArgument, { name: 'file', description: 'where to save it instead', optional: true }],
  options: [namespaceOption],
  async run(context, [name, file], options) {
    const log = await fetchFile(context, options, name!, 'console/log')
    if (file) writeFileSync(file, log)
    else process.stdout.write(log)
  },
}

/** `thresher vm type`. */
export const vmType: Command = {
  path: ['vm', 'type'],
  summary: "Type a text, or press keys, at a guest's keyboard (US layout)",
  arguments: [nameArgument, { name: 'text', description: 'the text; - reads it from standard input', optional: true }],
  options: [
    namespaceOption,
    { flags: '-k, --keys <keys>', description: 'keys pressed together, such as ctrl+alt+delete; several by commas' },
    { flags: '--enter', description: 'press Enter at the end' },
  ],
  examples: ['thresher vm type web "root" --enter', 'thresher vm type web --keys ctrl+alt+f2'],
  async run(context, [name, given], options) {
    const keys = (options['keys'] as string | undefined)?.split(',').map((chord) => chord.split('+'))
    const typed = given === '-' ? await text(process.stdin) : (given ?? '')
    if (!keys && typed === '' && options['enter'] !== true)
      throw new UserError('say what to type, or which keys to press with --keys')
    const all = options['enter'] === true ? `${typed}\n` : typed
    const send = (body: unknown) =>
      machineOperation(context, options, name!, 'sendkeys', body, { plural: 'virtualmachineinstances' })
    if (keys) await send({ keys })
    for (let at = 0; at < all.length; at += pieceLength) await send({ text: all.slice(at, at + pieceLength) })
    console.log(`typed at virtual machine ${textOf(options, 'namespace')}/${name}`)
  },
}

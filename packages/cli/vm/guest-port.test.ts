import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { proxyCommand } from './guest-port.ts'

it('words reach the program that ssh runs as they are', () => {
  const words = ['printf', '%s|', 'plain', "it's", '/a folder', '$(id)', '50%', '`id`', '']
  // ssh replaces %% by % before it hands the line to the shell.
  const line = proxyCommand(words).replaceAll('%%', '%')
  expect(execFileSync('sh', ['-c', line], { encoding: 'utf8' })).toBe("plain|it's|/a folder|$(id)|50%|`id`||")
})

import type { Command } from './command.ts'

export const shells = ['bash', 'zsh', 'fish'] as const

/** What may follow each beginning of a command line: `vm` → `create list …`, `vm create` → `--image --cpus …`. */
export function wordsAfter(commands: Command[]): Map<string, string[]> {
  const words = new Map<string, Set<string>>()
  const add = (after: string, word: string) => words.set(after, (words.get(after) ?? new Set()).add(word))
  for (const { path, options } of commands) {
    path.forEach((word, index) => add(path.slice(0, index).join(' '), word))
    for (const { flags } of options ?? []) {
      const long = /--[a-z-]+/.exec(flags)?.[0]
      if (long) add(path.join(' '), long)
    }
    add(path.join(' '), '--help')
  }
  return new Map([...words].map(([after, set]) => [after, [...set].sort()]))
}

/** A completion script. The table's words hold only letters, digits and dashes, so they need no quoting. */
export function completionScript(shell: (typeof shells)[number], commands: Command[]): string {
  const table = wordsAfter(commands)
  if (shell === 'fish') {
    const lines = [...table].flatMap(([after, words]) => {
      const seen =
        after === ''
          ? '__fish_use_subcommand'
          : `string match -q -- '${after}*' (commandline -opc)[2..] | string join ' '`
      return words.map((word) => `complete -c thresher -f -n "${seen}" -a '${word}'`)
    })
    return `${lines.join('\n')}\n`
  }
  const cases = [...table].map(([after, words]) => `    '${after}') words='${words.join(' ')}' ;;`).join('\n')
  const zsh = shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : ''
  return `${zsh}_thresher() {
  local line='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in -*) break ;; esac
    line="\${line:+$line }$word"
  done
  while :; do
    case $line in
${cases}
    *) case $line in *' '*) line=\${line% *}; continue ;; esac ;;
    esac
    break
  done
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _thresher thresher ./thresher
`
}

import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { layers, testsMayAlsoImport, type Layer } from './layers.ts'

const root = resolve(import.meta.dirname, '..')

/** One import that breaks a rule, as `file: what is wrong`. */
export type Violation = string

/** The modules that a source file names in import and export statements and in `import()`. */
export function importsOf(source: string): string[] {
  const pattern =
    /(?:^|[;\n])\s*(?:import|export)\b[^'"`;]*?from\s*['"]([^'"]+)['"]|(?:^|[;\n])\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g
  return [...source.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? '')
}

/** What is wrong with one import of one file; undefined when nothing is. */
export function judge(layer: Layer, file: string, specifier: string): Violation | undefined {
  if (specifier.startsWith('.')) {
    const target = relative(root, resolve(root, dirname(file), specifier))
    const inside = target === layer.folder || target.startsWith(layer.folder + sep)
    return inside
      ? undefined
      : `${file}: imports ${specifier}, which lies outside ${layer.folder}; use the package's name`
  }
  if (!specifier.startsWith('@thresher/')) return undefined
  const name = specifier.split('/').slice(0, 2).join('/')
  const isTest = file.endsWith('.test.ts') || file.endsWith('/testing.ts')
  const allowed = [...layer.mayImport, ...(isTest ? testsMayAlsoImport : [])]
  const rules = allowed.filter((rule) => rule.name === name)
  if (rules.length === 0) return `${file}: ${layer.folder} must not import ${name} (tools/layers.ts)`
  return rules.some((rule) => !rule.only || rule.only.test(specifier))
    ? undefined
    : `${file}: ${layer.folder} must stay generic and may not import ${specifier} (tools/layers.ts)`
}

function sourcesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.includes('node_modules'))
    .map((path) => join(folder, path))
}

/** Every forbidden import of the tree. */
export function checkLayers(): Violation[] {
  return layers.flatMap((layer) =>
    sourcesBelow(layer.folder).flatMap((file) =>
      importsOf(readFileSync(join(root, file), 'utf8')).flatMap((specifier) => judge(layer, file, specifier) ?? []),
    ),
  )
}

if (import.meta.main) {
  const violations = checkLayers()
  for (const violation of violations) console.error(violation)
  console.log(violations.length === 0 ? 'layers: clean' : `layers: ${violations.length} forbidden imports`)
  process.exitCode = violations.length === 0 ? 0 : 1
}

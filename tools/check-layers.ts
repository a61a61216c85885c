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

/** What a file that must run in a browser takes from Node: modules, and names that only Node has. */
export function nodeOnly(layer: Layer, file: string, source: string): Violation[] {
  const isFree = file.endsWith('.test.ts') || layer.browser?.but.some((folder) => file.startsWith(folder + sep))
  if (!layer.browser || isFree) return []
  const modules = importsOf(source).filter((specifier) => specifier.startsWith('node:'))
  const globals = /(?<![\w.'"`/-])(Buffer|NodeJS|process|setImmediate|__dirname|require)(?=[.(<|)\]])/g
  const code = source.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
  const names = new Set([...code.matchAll(globals)].map((match) => match[1] ?? ''))
  return [...modules, ...names].map((what) => `${file}: uses ${what}, and ${layer.folder} also runs in a browser`)
}

function sourcesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.tsx?$/.test(path) && !/node_modules|^dist\//.test(path))
    .map((path) => join(folder, path))
}

/** Every forbidden import of the tree. */
export function checkLayers(): Violation[] {
  return layers.flatMap((layer) =>
    sourcesBelow(layer.folder).flatMap((file) => {
      const source = readFileSync(join(root, file), 'utf8')
      const imports = importsOf(source).flatMap((specifier) => judge(layer, file, specifier) ?? [])
      return [...imports, ...nodeOnly(layer, file, source)]
    }),
  )
}

if (import.meta.main) {
  const violations = checkLayers()
  for (const violation of violations) console.error(violation)
  console.log(violations.length === 0 ? 'layers: clean' : `layers: ${violations.length} forbidden imports`)
  process.exitCode = violations.length === 0 ? 0 : 1
}

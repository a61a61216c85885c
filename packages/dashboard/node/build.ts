import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { gzipSync } from 'node:zlib'

const folder = join(import.meta.dirname, '..')
const packages = join(folder, '..')
/** Files that are not worth packing. */
const packed = /\.(woff2|png|jpg|gz)$/

/** Where the build is kept, and the file in it that says what it was made from. */
const built = join(folder, 'dist')
const inputsFile = join(built, '.inputs')

/** A hash of all that goes into the build: the sources of the three packages that run in the browser, and the locked versions. */
async function hashInputs(): Promise<string> {
  const hash = createHash('sha256')
  for (const name of ['api', 'client', 'dashboard']) {
    const files = (await readdir(join(packages, name), { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile() && /\.(tsx?|css|html|svg|json)$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((file) => !/node_modules|\/dist|\.test\.ts/.test(relative(packages, file)))
    for (const file of files.sort()) hash.update(relative(packages, file)).update(await readFile(file))
  }
  return hash.update(readFileSync(join(packages, '../package-lock.json'))).digest('hex')
}

/**
 * Build the dashboard into `dist/`, unless what is there was made from the same sources.
 *
 * The new build takes the old one's place at once, so that a server that runs sees one or the other, and of two that build at the same
 * time the first one counts.
 *
 * @returns whether it was built anew
 */
export async function buildDashboard(): Promise<boolean> {
  const inputs = await hashInputs()
  if (isCurrent(inputs)) return false
  const { build } = await import('vite')
  const next = join(folder, `.dist-${process.pid}`)
  await build({
    configFile: false,
    root: folder,
    base: './',
    logLevel: 'warn',
    oxc: { jsx: { runtime: 'automatic' } },
    build: {
      outDir: next,
      assetsDir: 'ui',
      target: 'es2023',
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: 1500,
    },
  })
  await packFiles(join(next, 'ui'))
  writeFileSync(join(next, '.inputs'), inputs)
  takePlace(next, inputs)
  return true
}

function takePlace(next: string, inputs: string): void {
  const old = `${next}-old`
  if (!isCurrent(inputs)) {
    if (existsSync(built)) renameSync(built, old)
    renameSync(next, built)
  }
  for (const folder of [next, old]) rmSync(folder, { recursive: true, force: true })
}

function isCurrent(inputs: string): boolean {
  return existsSync(inputsFile) && readFileSync(inputsFile, 'utf8') === inputs
}

/** Beside each file one that is packed already, so that serving it costs no work. */
async function packFiles(ui: string): Promise<void> {
  for (const name of await readdir(ui)) {
    if (!packed.test(name))
      await writeFile(join(ui, `${name}.gz`), gzipSync(await readFile(join(ui, name)), { level: 9 }))
  }
}

if (import.meta.main) {
  // The server reads it as a user of its own.
  process.umask(0o022)
  const startedMs = Date.now()
  const done = await buildDashboard()
  console.log(done ? `dashboard built in ${((Date.now() - startedMs) / 1000).toFixed(1)} s` : 'dashboard is up to date')
}

import type { TestProject } from 'vitest/node'
import { provideProduct } from '../e2e/setup.ts'

/** A product of its own, all of whose data are on a small disk in memory, which can be filled. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  return await provideProduct(project, { diskBytes: 1024 * 1024 * 1024 })
}

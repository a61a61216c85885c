import { MissingSourceError } from './cloud-init.ts'
import type { SeedFiles } from './seed-image.ts'

/** The label by which KubeVirt's users know the disk; Windows looks at every removable one. */
export const sysprepLabel = 'unattendCD'

const answerFiles = ['autounattend.xml', 'unattend.xml']

/**
 * The files of a disk with which Windows sets itself up, as they are in the ConfigMap or Secret.
 *
 * @param source what they are from, for the sentence that says what is missing
 * @throws {MissingSourceError} without an answer file: Windows would ask its questions on the screen, for ever
 * @see https://learn.microsoft.com/windows-hardware/manufacture/desktop/windows-setup-automation-overview
 */
export function sysprepFiles(files: Record<string, Buffer>, source: string): SeedFiles {
  const found = Object.keys(files).some((name) => answerFiles.includes(name.toLowerCase()))
  if (!found) throw new MissingSourceError(`an answer file in ${source}; add the key Autounattend.xml or Unattend.xml`)
  return files
}

/** Something of the host's network that is not as it should be. */
export interface NetworkFault {
  /** What it is a fault of, such as `rules`, `address`, `port`. */
  part: string
  /** Which one: an interface, a table, an engine. */
  name: string
  /** What is wrong, as a sentence without its full stop: `the nftables table thresher-thr0 is gone`. */
  message: string
  /** The one guest that it concerns, by its VMI's UID; the node's network works all the same. */
  vmi?: string
  /** What was done about it when it is mended; that it was put back, unless said. */
  done?: string
}

/** What somebody may take away from the host's network, and how it is put back. Both may be repeated. */
export interface NetworkPart {
  name: string
  look(): Promise<NetworkFault[]>
  /** Put back what can be. @throws {Error} with why it could not be */
  mend(faults: readonly NetworkFault[]): Promise<void>
}

/** What a look at all parts came to. */
export interface NetworkFindings {
  /** Was wrong, and is as it should be again. */
  mended: NetworkFault[]
  /** Is wrong, and could not be mended. */
  left: NetworkFault[]
}

/** Look at each part in turn, and mend what is wrong. A part that fails keeps none of the others from it. */
export async function mendParts(parts: readonly NetworkPart[]): Promise<NetworkFindings> {
  const findings: NetworkFindings = { mended: [], left: [] }
  for (const part of parts) {
    const { mended, left } = await mendPart(part).catch((error: Error) => unknown(part, error))
    findings.mended.push(...mended)
    findings.left.push(...left)
  }
  return findings
}

async function mendPart(part: NetworkPart): Promise<NetworkFindings> {
  const found = await part.look()
  if (found.length === 0) return { mended: [], left: [] }
  let why = ''
  await part.mend(found).catch((error: Error) => (why = ` (${error.message})`))
  const after = await part.look()
  return {
    mended: found.filter((fault) => !after.some(({ name }) => name === fault.name)),
    left: after.map((fault) => ({ ...fault, message: `${fault.message}${why}` })),
  }
}

function unknown({ name }: NetworkPart, error: Error): NetworkFindings {
  return {
    mended: [],
    left: [{ part: name, name, message: `the network's ${name} cannot be looked at: ${error.message}` }],
  }
}

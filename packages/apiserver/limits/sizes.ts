/**
 * What a caller may send, in one table. Every limit is looked at before anything is built from what it bounds.
 *
 * They are chosen so that the costliest input within all of them holds the event loop for less than 50 ms, and lie well
 * above what the largest real objects have: the definitions of custom resources, of some 40 000 values in 1 MiB.
 */
export const sizes = {
  /** A body, in bytes, as in Kubernetes; what is streamed to a handler is not bounded here. */
  bodyBytes: 3 * 1024 * 1024,
  /** A body of a caller that is not known: a login. */
  anonymousBodyBytes: 8 * 1024,
  /** Levels of maps and lists in each other. Deeper nesting is refused before anything recursive sees it. */
  depth: 256,
  /** Keys of one map. */
  mapKeys: 5000,
  /** Items of one list. */
  listItems: 10_000,
  /** Values in the whole body: maps, lists and what they hold. */
  values: 60_000,
  /** Fields of a body in protobuf, with those that are empty: Kubernetes' clients write ten of them for one that is not. */
  protobufFields: 600_000,
  /** YAML's references to what stands elsewhere in the same document. */
  yamlAliases: 100,
  /** Steps and bytes of one pointer of a JSON patch. */
  pointerSteps: 256,
  pointerBytes: 4096,
  /** Bytes of JSON that the copies of one patch may add. */
  copiedBytes: 1024 * 1024,
  /** Conditions of a label or field selector: each is tried on each object of a list. */
  selectorTerms: 100,
  /** YAML up to this size is read on the spot; what is larger is read by a process of its own. */
  yamlInlineBytes: 4 * 1024,
} as const

/** How long a caller may take to send what it announced. Milliseconds. */
export const patience = {
  /** For a whole body that is read at once. */
  bodyMs: 60_000,
  /** Between two pieces of a body that is streamed. */
  streamIdleMs: 60_000,
  /** For a client to take the next piece of an answer. */
  readerMs: 60_000,
  /** For the rest of a refused body, so that the refusal is not lost with the connection. */
  lingerMs: 5000,
} as const

/** Of a refused body, this much is still taken and thrown away. */
export const lingerBytes = 16 * 1024 * 1024

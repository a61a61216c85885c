/**
 * What a field holds: a scalar of protobuf, or the name of a message. Some messages have a JSON form of their own, such
 * as Time, Quantity and IntOrString; the server's codec knows those by name.
 */
export type FieldShape = 'one' | 'list' | 'map' | 'inline'

/**
 * When Kubernetes' own types have a value for the field.
 *
 * - `set`: a plain value that is left out of JSON while it is empty or zero
 * - `always`: a plain value that JSON has even when it is zero
 * - `pointer`: told apart from zero: what was not sent is not there, and a zero that was sent stays
 */
export type Presence = 'set' | 'always' | 'pointer'

/** One field of a message. */
export interface MessageField {
  readonly number: number
  /** As JSON has it; empty where the message's own fields stand in its parent. */
  readonly name: string
  readonly type: string
  readonly shape: FieldShape
  readonly presence: Presence
  /** What the type names, unless it is a scalar or one with a JSON form of its own. */
  readonly message: MessageType | undefined
}

/** A message of Kubernetes' protobuf form. */
export interface MessageType {
  readonly name: string
  readonly fields: readonly MessageField[]
  readonly byNumber: readonly (MessageField | undefined)[]
}

/** The messages of one version of one group. */
export interface Messages {
  /** Undefined for a name that neither they nor those they use have. */
  get(name: string): MessageType | undefined
}

/** Types that are written as they are, and messages whose JSON form is not an object of their fields. */
const leaves = new Set(
  'string bytes bool int32 int64 double Time MicroTime Quantity IntOrString RawExtension FieldsV1 JSON ExtraValue'.split(
    ' ',
  ),
)

const messagePattern = /(\w+) \{([^}]*)\}/g
const fieldPattern = /^(\d+) (\S+) (map<)?(\w+)(>)?(\[\])?([?!])?$/

interface Linked extends MessageField {
  message: MessageType | undefined
}

/**
 * Declare messages by the numbers of their fields, which are facts of the wire that can never change.
 *
 * One message is `Name { 1 field type, 2 field type }`. A type is a scalar or a message, followed by `[]` for a list, `?`
 * for a pointer and `!` for what JSON always has; `map<type>` has names for keys; `...` for a name puts the message's own
 * fields in its place.
 *
 * @param uses messages of other groups that these name
 * @see the generated.proto files of k8s.io/api and k8s.io/apimachinery for the numbers, their Go types for the pointers
 */
export function messages(uses: readonly Messages[], text: string): Messages {
  let known: Map<string, MessageType> | undefined
  const get = (name: string): MessageType | undefined => {
    known ??= parse(text, get)
    const own = known.get(name)
    if (own) return own
    for (const other of uses) {
      const found = other.get(name)
      if (found) return found
    }
    return undefined
  }
  return { get }
}

function parse(text: string, get: (name: string) => MessageType | undefined): Map<string, MessageType> {
  const known = new Map<string, MessageType>()
  for (const [, name = '', body = ''] of text.matchAll(messagePattern)) {
    known.set(name, new LazyMessage(name, body, get))
  }
  return known
}

/** Links its fields when it is first read, so that messages may name each other and those that nobody asks for cost nothing. */
class LazyMessage implements MessageType {
  readonly name: string
  readonly #body: string
  readonly #get: (name: string) => MessageType | undefined
  #fields: MessageField[] | undefined
  #byNumber: (MessageField | undefined)[] | undefined

  constructor(name: string, body: string, get: (name: string) => MessageType | undefined) {
    this.name = name
    this.#body = body
    this.#get = get
  }

  get fields(): readonly MessageField[] {
    this.#fields ??= this.#body
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean)
      .map((part) => this.#field(part))
    return this.#fields
  }

  get byNumber(): readonly (MessageField | undefined)[] {
    if (this.#byNumber) return this.#byNumber
    const table: (MessageField | undefined)[] = []
    for (const field of this.fields) table[field.number] = field
    this.#byNumber = table
    return table
  }

  #field(part: string): Linked {
    const match = fieldPattern.exec(part)
    if (!match) throw new TypeError(`message ${this.name}: "${part}" is not a field: write it as \`1 name type\``)
    const [, number, name = '', map, type = '', , list, mark] = match
    const message = leaves.has(type) ? undefined : this.#get(type)
    if (!message && !leaves.has(type)) throw new TypeError(`message ${this.name}: there is no message ${type}`)
    const inline = name === '...'
    return {
      number: Number(number),
      name: inline ? '' : name,
      type,
      shape: inline ? 'inline' : map ? 'map' : list ? 'list' : 'one',
      presence: mark === '?' ? 'pointer' : mark === '!' ? 'always' : 'set',
      message,
    }
  }
}

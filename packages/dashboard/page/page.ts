import type { ReactNode } from 'react'
import type { Kind } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import type { Connection } from '../live/connection.ts'
import type { Texts, TextKey } from '../text/text.ts'

/** What columns and facts are made with. */
export interface Tools {
  texts: Texts
  /** An object of one of the page's related kinds, by `namespace/name` or `name`. */
  find<O extends KubeObject>(kind: Pick<Kind, 'plural'>, key: string): O | undefined
  /** All objects of one of the page's related kinds. */
  all<O extends KubeObject>(kind: Pick<Kind, 'plural'>): Iterable<O>
}

/** A column of a list, and a row of the detail. */
export interface Column<O extends KubeObject = KubeObject> {
  id: string
  title: TextKey | { text: string }
  /** What is sorted, searched and, without {@link cell}, shown. */
  value(object: O, tools: Tools): string | number | undefined
  cell?(object: O, tools: Tools): ReactNode
  /** Left out where there is little room. */
  wide?: boolean
  /** How much of the width it takes beside others; 1 unless said. */
  share?: number
}

/** Something that can be done to objects, one or many. */
export interface Action<O extends KubeObject = KubeObject> {
  id: string
  title: TextKey
  offered?(object: O): boolean
  /** The right that it takes. */
  right: { verb: string; group: string; resource: string }
  /** What is asked first; nothing for what does no harm. */
  confirm?: TextKey
  danger?: boolean
  /** A text that is asked for with the confirmation, and what stands there at first. For one object at a time. */
  ask?: { label: TextKey; value(object: O): string }
  /** @param input what was asked for */
  run(object: O, connection: Connection, input?: string): Promise<unknown>
}

/** One field of a form; it reads and writes one place of the object that is made. */
export interface Field {
  /** Where in the object: `spec.url`. Parts with dots in them are written `metadata.annotations[a.b/c]`. */
  path: string
  label: TextKey
  type: 'text' | 'area' | 'number' | 'select' | 'switch' | 'lines' | 'password' | 'map'
  required?: boolean
  help?: TextKey
  options?: readonly { value: string; label: string }[]
  /** Offer the names of this kind's objects. `namespaced` gives `namespace/name`. */
  reference?: Kind
  /** Offer those of the object's own namespace, by name alone. */
  nameOnly?: boolean
  placeholder?: string
  /** Shown only then. */
  when?(object: KubeObject): boolean
}

/** A further tab of the detail. */
export interface Tab<O extends KubeObject = KubeObject> {
  id: string
  title: TextKey
  render: (object: O) => ReactNode
}

/** All that a page is: a kind, and how people see it. List, detail, forms and YAML come from here and from the kind's declaration. */
export interface Page<O extends KubeObject = KubeObject> {
  kind: Kind
  columns: Column<O>[]
  /** What the thing is for, for a page that is empty. */
  help: TextKey
  /** The equivalent command line. */
  command: string
  /** Kinds whose objects the columns need. */
  related?: Kind[]
  actions?: Action<O>[]
  /** A new object, to be filled in. Without it objects of this kind are not made here. */
  draft?(namespace: string): O
  fields?: Field[]
  /** A page of its own for making one, in place of the form. */
  create?(): ReactNode
  tabs?: Tab<O>[]
  /** Further content above the facts of the detail. */
  summary?(object: O): ReactNode
  /** How the list is ordered at first: `-seen` downwards by the column `seen`. By name unless said. */
  order?: string
  /** False where the age says nothing beside the columns. */
  aged?: boolean
  /** Buttons beside the menu of actions of the detail. */
  buttons?(object: O): ReactNode
  /** Objects that are not shown unless asked for. */
  hidden?(object: O): boolean
  /** How it is called in the list, when not by its name. */
  label?(object: O): string | undefined
  /** False where deleting makes no sense. */
  deletable?: boolean
}

/** Make a page for objects of a type; the table of pages holds pages of all types. */
export function definePage<O extends KubeObject>(page: Page<O>): Page {
  return page as unknown as Page
}

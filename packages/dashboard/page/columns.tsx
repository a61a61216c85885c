import { Label } from '@patternfly/react-core'
import type { KubeObject } from '@thresher/api/meta'
import { hrefOf } from '../app/route.ts'
import type { Texts, TextKey } from '../text/text.ts'
import type { Column, Page } from './page.ts'

/** Where an object is shown. */
export function objectHref(base: readonly string[], object: KubeObject, query: Record<string, string> = {}): string {
  return hrefOf([...base, object.metadata.namespace, object.metadata.name], query)
}

/** The columns of a page with the name before and the age behind; the namespace where objects of several are shown. */
export function nameColumns(page: Page, base: readonly string[], manyNamespaces: boolean): Column[] {
  const name: Column = {
    id: 'name',
    title: 'name',
    share: 2,
    value: (object) => page.label?.(object) ?? object.metadata.name,
    cell: (object) => {
      const name = page.label?.(object) ?? object.metadata.name
      return (
        <a href={objectHref(base, object)} title={name}>
          {name}
        </a>
      )
    },
  }
  const namespace: Column = {
    id: 'namespace',
    title: 'namespace',
    value: ({ metadata }) => metadata.namespace,
    wide: true,
  }
  return [
    name,
    ...(page.kind.namespaced && manyNamespaces ? [namespace] : []),
    ...page.columns,
    ...(page.aged === false ? [] : [age]),
  ]
}

/** How long an object is there; the exact moment shows on hovering. Sorted by it, the youngest come first. */
export const age: Column = {
  id: 'age',
  title: 'age',
  wide: true,
  share: 0.9,
  value: ({ metadata }) => -Date.parse(metadata.creationTimestamp ?? ''),
  cell: ({ metadata }, { texts }) => (
    <time dateTime={metadata.creationTimestamp} title={texts.date(metadata.creationTimestamp)}>
      {texts.ago(metadata.creationTimestamp)}
    </time>
  ),
}

/** How a state is meant: well, under way, to be looked at, failed, or off. */
export type Tone = 'success' | 'info' | 'warning' | 'danger' | 'off'

const tones: Record<Tone, 'green' | 'blue' | 'orange' | 'red' | 'grey'> = {
  success: 'green',
  info: 'blue',
  warning: 'orange',
  danger: 'red',
  off: 'grey',
}

/** A state as a coloured label with its name in the user's language. @param state as the API names it */
export function StateLabel({ state, tone, texts, why }: { state: string; tone: Tone; texts: Texts; why?: string }) {
  return (
    <Label color={tones[tone]} isCompact title={why} className="th-state">
      {stateText(state, texts)}
    </Label>
  )
}

/** A state's name in the user's language, or as the API names it. */
export function stateText(state: string, texts: Texts): string {
  return texts.find(`state_${state}`, state)
}

/** A column of text. */
export function textColumn<O extends KubeObject>(
  id: string,
  title: TextKey,
  value: (object: O) => string | number | undefined,
  wide = false,
  share = 1,
): Column<O> {
  return { id, title, value, wide, share }
}

/** A column of a size in bytes. */
export function bytesColumn<O extends KubeObject>(
  id: string,
  title: TextKey,
  bytesOf: (object: O) => number | undefined,
  wide = false,
): Column<O> {
  return {
    id,
    title,
    wide,
    value: bytesOf,
    cell: (object, { texts }) => {
      const bytes = bytesOf(object)
      return bytes === undefined ? '—' : texts.bytes(bytes)
    },
  }
}

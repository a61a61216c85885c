import { useMemo } from 'react'
import type { Kind } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import { keyOf } from '@thresher/client/paths'
import { useList } from '../live/connection.ts'
import { useTexts } from '../text/text.ts'
import type { Tools } from './page.ts'

const none: Kind[] = []

/** What columns are made with: the language, and the objects of related kinds. At most three kinds are looked up. */
export function useTools(related: Kind[] = none, namespace?: string): Tools {
  const texts = useTexts()
  const [first, second, third] = related
  const lists = [
    useList<KubeObject>(first, scopeOf(first, namespace)).objects,
    useList<KubeObject>(second, scopeOf(second, namespace)).objects,
    useList<KubeObject>(third, scopeOf(third, namespace)).objects,
  ]
  const [a, b, c] = lists
  return useMemo(() => {
    const found = new Map(
      [a, b, c].map((objects, index) => [
        related[index]?.plural,
        new Map((objects ?? []).map((object) => [keyOf(object), object])),
      ]),
    )
    return {
      texts,
      find: <O extends KubeObject>(kind: Pick<Kind, 'plural'>, key: string) => found.get(kind.plural)?.get(key) as O,
      all: <O extends KubeObject>(kind: Pick<Kind, 'plural'>) =>
        (found.get(kind.plural)?.values() ?? []) as Iterable<O>,
    }
  }, [a, b, c, related, texts])
}

function scopeOf(kind: Kind | undefined, namespace: string | undefined) {
  return kind?.namespaced && namespace ? { namespace } : {}
}

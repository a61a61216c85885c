import { useEffect, useState } from 'react'

/** How a console is connected. */
export type Link = 'connecting' | 'connected' | 'lost'

const firstMs = 500
const longestMs = 8000

/** The wait before the next try: longer with each one in vain. */
export function waitMs(tries: number): number {
  return Math.min(firstMs * 2 ** tries, longestMs)
}

/**
 * Keep a console connected while `wanted`.
 *
 * @param open begins a connection and gives the way to end it; it calls `up` when it stands and `down` when it has ended
 */
export function useReconnect(
  wanted: boolean,
  open: (up: () => void, down: () => void) => () => void,
): { link: Link; again: () => void } {
  const [link, setLink] = useState<Link>('connecting')
  const [round, setRound] = useState(0)
  useEffect(() => {
    if (!wanted) return
    let tries = 0
    let close = () => {}
    let timer: ReturnType<typeof setTimeout> | undefined
    let ended = false
    const attempt = () => {
      let over = false
      close = open(
        () => {
          tries = 0
          setLink('connected')
        },
        () => {
          if (ended || over) return
          over = true
          setLink('lost')
          timer = setTimeout(attempt, waitMs(tries++))
        },
      )
    }
    setLink('connecting')
    attempt()
    return () => {
      ended = true
      clearTimeout(timer)
      close()
    }
  }, [wanted, open, round])
  return { link, again: () => setRound((number) => number + 1) }
}

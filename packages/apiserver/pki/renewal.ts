import { ensurePki, type Pki, type ServerIdentity } from './ensure.ts'

/**
 * Look at the certificates once in a while, so that a server which runs for years does not end with its certificate.
 *
 * @param identity asked anew each time, since a host's addresses change
 * @param onServer called when the server's certificate was issued again: serve with it from now on
 * @param onLook called at each look with all of them, for what else was issued from them
 * @returns stops it
 */
export function renewCertificates(options: {
  dir: string
  current: Pki
  identity: () => ServerIdentity
  onServer: (server: Pki['server']) => void
  onLook?: (pki: Pki) => Promise<void>
  onError: (error: unknown) => void
  everyMs?: number
}): () => void {
  let served = options.current.server.cert
  const look = async (): Promise<void> => {
    const pki = await ensurePki(options.dir, options.identity())
    if (pki.server.cert !== served) {
      served = pki.server.cert
      options.onServer(pki.server)
    }
    await options.onLook?.(pki)
  }
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const again = (): void => {
    if (stopped) return
    timer = setTimeout(() => void look().catch(options.onError).finally(again), options.everyMs ?? 6 * 3600 * 1000)
    timer.unref()
  }
  again()
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}

import type { IncomingMessage } from 'node:http'
import { get as httpsGet } from 'node:https'
import { failureWords } from '@thresher/api/failure-words'
import { Egress, EgressError } from '@thresher/client/node/egress/egress'
import { DownloadError, shownUrl } from './download-error.ts'

/** Not imported: an import reads every export, `WebSocket` among them, and so loads all of Node's fetch, 10 MiB. */
const { get: httpGet } = process.getBuiltinModule('node:http')

const mostRedirects = 5

/** What to ask for. */
export interface HttpQuestion {
  url: string
  headers: Record<string, string>
  /** Until the first byte of the answer, in milliseconds. */
  answerMs: number
  /** Which addresses may be connected to; asked anew at each redirect. */
  egress: Egress
  signal?: AbortSignal
}

/**
 * Send a GET and follow redirects.
 *
 * @returns the answer, of any other status, with its body unread, and where it came from
 * @throws {DownloadError}; the signal's reason when aborted
 */
export async function askFor(question: HttpQuestion): Promise<{ response: IncomingMessage; from: string }> {
  let target = question.url
  checkUrl(target)
  for (let hop = 0; hop <= mostRedirects; hop++) {
    const response = await answerOf(target, question)
    const { location } = response.headers
    if (!location || ![301, 302, 303, 307, 308].includes(response.statusCode ?? 0)) return { response, from: target }
    response.destroy()
    const next = URL.parse(location, target)
    if (!next) throw new DownloadError('HttpStatus', `${shownUrl(target)} redirects to what is no address`)
    target = next.href
    checkUrl(target)
  }
  throw new DownloadError('HttpStatus', `${shownUrl(question.url)} redirects more than ${mostRedirects} times`)
}

function answerOf(url: string, { headers, answerMs, egress, signal }: HttpQuestion): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      if (signal?.aborted) return reject(signal.reason as Error)
      reject(asDownloadError(url, error))
    }
    const get = url.startsWith('https:') ? httpsGet : httpGet
    const late = new DownloadError('Stalled', `${shownUrl(url)} did not answer within ${answerMs / 1000} s`)
    let options: ReturnType<Egress['requestOptions']>
    try {
      options = egress.requestOptions(url)
    } catch (error) {
      return fail(error as Error)
    }
    const request = get(url, { ...options, headers, signal, agent: false })
    const timer = setTimeout(() => request.destroy(late), answerMs)
    request.once('response', (response) => {
      clearTimeout(timer)
      resolve(response)
    })
    request.once('error', (error) => {
      clearTimeout(timer)
      fail(error)
    })
  })
}

function asDownloadError(url: string, error: Error): DownloadError {
  if (error instanceof DownloadError) return error
  if (error instanceof EgressError) return new DownloadError('Closed', error.message, { cause: error })
  return new DownloadError('Unreachable', `${shownUrl(url)} cannot be reached: ${failureWords(error)}`, {
    cause: error,
  })
}

/** @throws {DownloadError} `BadUrl` */
function checkUrl(url: string): void {
  const protocol = URL.parse(url)?.protocol ?? ''
  if (protocol !== 'http:' && protocol !== 'https:')
    throw new DownloadError(
      'BadUrl',
      `${JSON.stringify(url.slice(0, 200))} is no address that starts with http:// or https://`,
    )
}

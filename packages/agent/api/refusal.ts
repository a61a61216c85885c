import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { ApiError } from '@thresher/api/error'
import { GuestAgentError } from '../compute/guest-agent.ts'
import { NotRunningError } from '../compute/guest-control.ts'

/** An error in the form in which the API knows it. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof NotRunningError || error instanceof GuestAgentError)
    return new ApiError('Conflict', message, { cause: error })
  return new ApiError('InternalError', message, { cause: error })
}

/** Answer with an error's Status. */
export function refuse(response: ServerResponse, error: unknown): void {
  const refusal = toApiError(error)
  if (response.headersSent) return void response.destroy()
  response.writeHead(refusal.code, { 'content-type': 'application/json' })
  response.end(JSON.stringify(refusal.toStatus()))
}

/** Answer a request for a WebSocket with an error's Status, which clients print. */
export function refuseUpgrade(socket: Duplex, error: unknown): void {
  const refusal = toApiError(error)
  const body = JSON.stringify(refusal.toStatus())
  socket.end(
    `HTTP/1.1 ${refusal.code} ${refusal.reason}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
}

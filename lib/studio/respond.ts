// Responses of the studio's server, and the bodies of requests.

import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { NanoGptError, reasonOf } from '../errors'
import { parseJson } from '../files/json'
import { surface } from './surface'

/** In bytes. A text of this size is the largest that can be dropped on the page. */
export const longestBody = 32 << 20

/** An error with the status of its response. */
export class RequestError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

/** Headers of every response: nothing is stored, framed, or read by other sites. */
const always = {
  'Cache-Control': 'no-store',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
} as const

export function send(
  response: ServerResponse,
  status: number,
  body: Uint8Array | string,
  headers: OutgoingHttpHeaders,
): void {
  response.writeHead(status, { ...always, ...headers, 'Content-Length': Buffer.byteLength(body) })
  response.end(body)
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, JSON.stringify(value), { 'Content-Type': 'application/json' })
}

/** Starts a response of events, which stays open. */
export function startStream(response: ServerResponse): void {
  response.writeHead(200, { ...always, 'Content-Type': 'text/event-stream' })
  response.flushHeaders()
}

/** What a page shows of an error. */
export interface ErrorInfo {
  readonly code: string
  readonly message: string
  /** The option that is wrong, as the library names it. */
  readonly option?: string
}

export function errorInfo(error: unknown): ErrorInfo {
  if (!(error instanceof NanoGptError))
    return { code: error instanceof RequestError ? 'request' : 'internal', message: reasonOf(error) }
  return { code: error.code, message: error.describe(surface), ...(error.option && { option: error.option }) }
}

export function sendError(response: ServerResponse, error: unknown): void {
  const status = error instanceof RequestError ? error.status : error instanceof NanoGptError ? 422 : 500
  sendJson(response, status, { error: errorInfo(error) })
}

/**
 * The JSON object in the body of a request.
 *
 * @throws RequestError for another type, a larger body, or invalid JSON
 */
export async function readJson(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const type = request.headers['content-type'] ?? ''
  if (!/^application\/json\b/.test(type)) throw new RequestError(415, 'The body must be application/json.')
  const tooLarge = () => new RequestError(413, `The text is too large: the limit is ${longestBody >> 20} MB.`)
  if (Number(request.headers['content-length'] ?? 0) > longestBody) throw tooLarge()
  const chunks: Buffer[] = []
  let length = 0
  // The connection has to last until the response to a body that is too large.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > longestBody) throw tooLarge()
    chunks.push(chunk)
  }
  let value: unknown
  try {
    value = parseJson(Buffer.concat(chunks).toString())
  } catch {
    throw new RequestError(400, 'The body is not JSON.')
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>
  throw new RequestError(400, 'The body must be a JSON object.')
}
